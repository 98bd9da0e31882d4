"""The tools: one small file each, listed in `api.mcp.registry`."""
