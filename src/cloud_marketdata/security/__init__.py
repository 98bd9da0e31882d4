"""Who may ask what, how often, and what is remembered of it."""
