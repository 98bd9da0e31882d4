"""What a process tells who operates it: whether it lives, is ready and well, and its figures."""
