"""Faults a simulated venue can be told to have, as a small language and what strikes by it.

`language` and `grammar` turn text into data; each kind of fault is one class in `frames`, `worlds`,
`sockets` or `replies`, and one line in `mischief`. Faults strike between the venue and a client:
what the venue's REST knows stays whole.
"""
