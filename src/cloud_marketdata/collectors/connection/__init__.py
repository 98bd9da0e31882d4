"""Connections: opening, keeping, watching and relieving them; the only rooms with a network."""
