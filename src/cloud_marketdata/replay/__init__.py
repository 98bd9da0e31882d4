"""Captures through the real decode, validator, books and metrics, offline and as fast as it can."""
