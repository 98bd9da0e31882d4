"""Runs the service and a crowd of readers: what a delivered message costs, and how late it comes.

The service is the one that `run --role serve` starts, with its log in memory; trades are appended
to that log on a fixed schedule, and a late append counts against it. CPU is that of this process
alone, from the first append to the last delivery.
"""

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any, Final

import msgspec

from cloud_marketdata.api.stream.readers import Readers
from cloud_marketdata.bench.meter import cpu_us
from cloud_marketdata.bench.stream.plan import FLOOD, SYMBOL, Crowded, Plan
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.errors import VenueError
from cloud_marketdata.core.hosting import bound_for_readers
from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.instrument import Instrument, Scale
from cloud_marketdata.domain.values import NS_PER_S, Side, Venue
from cloud_marketdata.main import Service
from cloud_marketdata.storage.deployment import Deployment, open_stores
from cloud_marketdata.storage.ports import Batch, Stores, Stream, StreamKind

_SCALE: Final = Scale(Decimal("0.1"), Decimal("0.001"))
_FLOOD_TRADES: Final = 250
_FLOOD_EVERY_S: Final = 0.02
_STATUS: Final = Path("/proc/self/status")


async def measure(plan: Plan, clock: Clock, random: Random) -> dict[str, Any]:
    """Return rates, latencies, CPU and memory of one run.

    Raises VenueError where the crowd did not come together.
    """
    with TemporaryDirectory() as folder:
        settings = Settings(
            role="serve",
            storage="memory",
            data_dir=Path(folder),
            stream_connections=plan.clients + plan.stuck + 1,
        )
        return await _measured(plan, settings, clock, random)


async def _measured(plan: Plan, settings: Settings, clock: Clock, random: Random) -> dict[str, Any]:
    deployment = Deployment(settings, clock, random, appends=True)
    async with open_stores(deployment) as stores:
        await stores.instruments.save([_instrument(SYMBOL), _instrument(FLOOD)])
        service = Service(settings, stores, clock, random)
        with bound_for_readers("127.0.0.1", 0) as listener:
            stopped = asyncio.Event()
            assert service.serving is not None, "its role is to serve"
            run = Run(plan, stores, service.serving.readers, clock)
            async with asyncio.TaskGroup() as group:
                group.create_task(service.run(stopped, listener))
                # Its failure is to be told as it is, not as one of a group.
                found = await asyncio.gather(
                    run.measure(listener.getsockname()[1]), return_exceptions=True
                )
                stopped.set()
    if isinstance(found[0], BaseException):
        raise found[0]
    return found[0]


class Run:
    """One measurement."""

    def __init__(self, plan: Plan, stores: Stores, readers: Readers, clock: Clock) -> None:
        self._plan = plan
        self._stores = stores
        self._readers = readers
        self._clock = clock

    async def measure(self, port: int) -> dict[str, Any]:
        """Have a crowd come, feed it, and tell what it cost."""
        memory = {"rss_before_mb": rss_mb()}
        async with _crowd(self._plan, port) as crowd:
            memory["rss_connected_mb"] = rss_mb()
            parted = await self._flood()
            spent, began = cpu_us(), self._clock.monotonic()
            await self._append()
            crowded = msgspec.json.decode(await _line(crowd), type=Crowded)
            spent, seconds = cpu_us() - spent, self._clock.monotonic() - began
            memory["rss_after_mb"] = rss_mb()
        return {
            **msgspec.to_builtins(self._plan),
            **msgspec.to_builtins(crowded),
            "messages_per_s": round(crowded.messages / seconds),
            "cpu_us_per_message": round(spent / max(crowded.messages, 1), 2),
            "cpu_share": round(spent / seconds / 1_000_000, 3),
            **memory,
            "stuck_parted_after_s": parted,
            "parted": dict(self._readers.parted),
        }

    async def _append(self) -> None:
        """Append one trade after the other, each when it is due."""
        stream = Stream(Venue.BYBIT_LINEAR, SYMBOL, StreamKind.TRADES)
        gap = NS_PER_S // self._plan.rate
        begin = self._clock.now() + gap
        for number in range(self._plan.trades):
            due = begin + number * gap
            await self._clock.sleep(max(0, due - self._clock.now()) / NS_PER_S)
            await self._stores.log.append([Batch(stream, [_trade(SYMBOL, due, 0)])])

    async def _flood(self) -> float | None:
        """Send to those who never read until they are let go; return how long that took."""
        if not self._plan.stuck:
            return None
        stream = Stream(Venue.BYBIT_LINEAR, FLOOD, StreamKind.TRADES)
        began = self._clock.monotonic()
        while sum(self._readers.parted.values()) < self._plan.stuck:
            now = self._clock.now()
            trades = [_trade(FLOOD, now, number) for number in range(_FLOOD_TRADES)]
            await self._stores.log.append([Batch(stream, trades)])
            await self._clock.sleep(_FLOOD_EVERY_S)
        return round(self._clock.monotonic() - began, 1)


@asynccontextmanager
async def _crowd(plan: Plan, port: int) -> AsyncIterator[asyncio.subprocess.Process]:
    """Start the clients; they are all subscribed when this begins."""
    options = msgspec.to_builtins(plan).items()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cloud_marketdata", "bench", "readers"),
        *("--url", f"ws://127.0.0.1:{port}/v1/stream"),
        *(part for name, value in options for part in (f"--{name}", str(value))),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        await _line(process)
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _line(process: asyncio.subprocess.Process) -> bytes:
    assert process.stdout is not None, "stdout was asked for"
    line = await process.stdout.readline()
    if not line:
        msg = "the crowd went home early; its complaint stands above"
        raise VenueError(msg)
    return line


def rss_mb() -> float:
    """Return what this process has in memory now, in MiB."""
    found = re.search(r"VmRSS:\s+(\d+) kB", _STATUS.read_text("ascii"))
    assert found is not None, "Linux tells it"
    return round(int(found[1]) / 1024, 1)


def _instrument(symbol: str) -> Instrument:
    return Instrument(Venue.BYBIT_LINEAR, symbol, _SCALE)


def _trade(symbol: str, due: int, number: int) -> TradeEvent:
    """Return a trade whose id says when it was due."""
    name = f"{due:019d}" if not number else f"{due:019d}-{number}"
    return TradeEvent(_instrument(symbol), name, 617_000, 1, Side.BUY, due, due, due + number)
