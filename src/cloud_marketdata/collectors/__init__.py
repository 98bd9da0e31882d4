"""Bytes from the venues to validated events in the log; `transport` and `rest` own the network."""
