"""A venue's REST within its limits."""
