"""Answers of REST made short for a language model; one file per tool."""
