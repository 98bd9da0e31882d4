"""Real servers on 127.0.0.1 for the tests: Redis, a Redis Cluster, MongoDB, and an S3 (Ceph).

One file a server, each a context manager; `servers.fixtures` starts each once for a whole run and
only where a test asks for it. Nothing here imitates a server: a program that is not installed is an
error that says how to get it.
"""
