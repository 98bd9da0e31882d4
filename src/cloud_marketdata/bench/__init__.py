"""The production path on recorded-like traffic, next to a bare decode loop in the same run."""
