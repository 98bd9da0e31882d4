"""MCP on stdin and stdout: over a local data folder, or handed through to a running service."""

from random import SystemRandom

from cloud_marketdata import __version__
from cloud_marketdata.api.mcp import build_mcp
from cloud_marketdata.api.queries import Queries
from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.core.config import Settings
from cloud_marketdata.storage.deployment import Deployment, open_stores


async def serve_stdio(settings: Settings) -> None:
    """Answer from the stores that the settings name until stdin closes."""
    clock = SystemClock()
    opened = Deployment(settings, clock, SystemRandom(), appends=False)
    async with open_stores(opened) as stores:
        server = build_mcp(Queries(stores, clock, settings), __version__)
        await server.run_stdio_async(show_banner=False)


async def bridge_to(url: str) -> None:
    """Hand every request on to the MCP endpoint at `url`, progress included."""
    from fastmcp.server import create_proxy  # noqa: PLC0415  only the bridge needs it
    from fastmcp.server.providers.proxy import ProxyClient  # noqa: PLC0415

    proxy = create_proxy(ProxyClient(url), name="cloud-marketdata")
    await proxy.run_stdio_async(show_banner=False)
