"""Several collectors of one venue: who collects what, and how a symbol goes from one to another."""
