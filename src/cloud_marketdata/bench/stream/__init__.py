"""How many readers one process carries: the service itself, and a crowd of clients beside it."""
