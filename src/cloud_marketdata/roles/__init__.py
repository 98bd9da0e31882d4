"""What a process does according to its role, each built of its parts; `main` runs them."""
