"""The demo: a simulator process with a seeded market for every venue, and the service beside it."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec

from cloud_marketdata.core.config import Endpoint, Settings
from cloud_marketdata.core.errors import VenueError
from cloud_marketdata.core.hosting import bound
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.main import run_service

SYMBOLS = ("BTCUSDT", "ETHUSDT")


async def run_demo(*, port: int, data_dir: Path, seed: int, say: Callable[[str], None]) -> None:
    """Run until SIGINT or SIGTERM; the simulator ends with us."""
    bound("127.0.0.1", port).close()  # a taken port is told before a simulator starts
    async with _simulator(seed) as venue_port:
        settings = Settings(
            port=port,
            data_dir=data_dir,
            symbols=dict.fromkeys(Venue, SYMBOLS),
            endpoints=dict.fromkeys(Venue, _endpoint(venue_port)),
            log_level="warning",
        )

        def ready(bound_port: int) -> None:
            say(_welcome(f"http://127.0.0.1:{bound_port}", venue_port, data_dir))

        await run_service(settings, ready)
    say("stopped")


@contextlib.asynccontextmanager
async def _simulator(seed: int) -> AsyncIterator[int]:
    venues = [part for venue in Venue for part in ("--venue", venue.value)]
    symbols = [part for symbol in SYMBOLS for part in ("--symbols", symbol)]
    command = ["-m", "cloud_marketdata", "simulate", *venues, "--synthetic", *symbols]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *command,
        "--seed",
        str(seed),
        "--exit-with-parent",
        stdout=asyncio.subprocess.PIPE,
        stdin=asyncio.subprocess.PIPE,
        # Ctrl-C reaches the whole foreground group; the venue must outlive the service's goodbye.
        start_new_session=True,
    )
    assert process.stdout is not None, "stdout was asked for"
    try:
        line = await process.stdout.readline()
        if not line:
            msg = "the simulator did not start; its complaint stands above"
            raise VenueError(msg)
        yield int(msgspec.json.decode(line)["port"])
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


def _endpoint(port: int) -> Endpoint:
    return Endpoint(ws=f"ws://127.0.0.1:{port}", rest=f"http://127.0.0.1:{port}")


def _welcome(url: str, venue_port: int, data_dir: Path) -> str:
    market = f"{url}/v1/markets/binance-usdm/BTCUSDT"
    return "\n".join(
        (
            f"Cloud MarketData demo: simulated Binance and Bybit on 127.0.0.1:{venue_port}",
            f"  data folder     {data_dir}",
            f"  health          {url}/health",
            f"  markets         {url}/v1/markets",
            f"  volume profile  {market}/volume-profile",
            f"  candles         {market}/candles?timeframe=1s",
            f"  depth           {market}/depth",
            f"  trades          {market}/trades",
            f"  REST reference  {url}/openapi.json",
            f"  MCP             {url}/mcp",
            "Ctrl-C stops it.",
        )
    )
