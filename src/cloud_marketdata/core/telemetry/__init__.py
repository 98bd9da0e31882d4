"""Figures of a running process: what they are called, and how they are counted."""
