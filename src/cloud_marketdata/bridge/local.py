"""MCP on stdin and stdout over the stores that the settings name, each request recorded."""

import asyncio
from random import SystemRandom

from cloud_marketdata import __version__
from cloud_marketdata.api.mcp import build_mcp
from cloud_marketdata.api.mcp.guard import over_stdio
from cloud_marketdata.api.queries import Queries
from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.core.config import Settings
from cloud_marketdata.security.audit.log import AuditLog
from cloud_marketdata.storage.deployment import Deployment, open_stores


async def serve_stdio(settings: Settings) -> None:
    """Answer from the stores that the settings name until stdin closes."""
    clock, random = SystemClock(), SystemRandom()
    opened = Deployment(settings, clock, random, appends=False)
    async with open_stores(opened) as stores, asyncio.TaskGroup() as group:
        log = AuditLog(settings, stores.objects, clock, random)
        group.create_task(log.run())
        guards = over_stdio(log.record, clock)
        server = build_mcp(Queries(stores, clock, settings), __version__, guards)
        try:
            await server.run_stdio_async(show_banner=False)
        finally:
            log.close()
