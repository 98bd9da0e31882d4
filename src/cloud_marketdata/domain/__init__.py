"""The words of the project: they import nothing of ours, read no clock and do no I/O."""
