"""API keys: how they are written, made, believed, replaced in time and taken back."""
