"""How an answer leaves by HTTP: its form, its caching, its compression and its headers."""
