"""The kinds of channels: one small file each, and a registry with a line for each."""
