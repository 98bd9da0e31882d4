"""MCP on stdin and stdout: over a local data folder, or handed through to a running service."""
