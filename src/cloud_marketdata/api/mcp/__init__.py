"""MCP: tools, resources and prompts over the same queries as REST, for agents."""

from cloud_marketdata.api.mcp.server import build_mcp

__all__ = ["build_mcp"]
