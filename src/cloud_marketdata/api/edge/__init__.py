"""The outermost layer of every surface: what a request must be before its question is read."""
