"""The same questions in several languages: `queries` answers them, REST and MCP only translate."""
