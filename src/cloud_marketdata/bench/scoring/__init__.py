"""How signals are held against what is known to have happened; pure."""
