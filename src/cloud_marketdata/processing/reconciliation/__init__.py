"""Our closed minutes against the venues' own klines."""
