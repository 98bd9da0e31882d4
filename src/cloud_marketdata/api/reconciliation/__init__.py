"""What the venues' own klines said of our minutes, as it leaves the service."""
