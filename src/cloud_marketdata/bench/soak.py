"""A long run over a line that is cut every few seconds: does the service's memory stay flat?

A simulator plays seeded markets faster than life, loses, doubles, disorders and breaks messages,
cuts sockets and refuses questions. The service is a process of its own with an embedded store, and
it is asked by REST all the while. Its resident memory is what the kernel says of it.
"""

import asyncio
import contextlib
import os
import re
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import httpx2
import msgspec
import structlog
from msgspec import Struct

from cloud_marketdata.bench.trend import Sample, Trend, trend
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.errors import BadRequestError, VenueError
from cloud_marketdata.domain.values import NS_PER_MS, Venue

FAULTS: Final = (
    "cut client=oldest every=4s",
    "drop trade chance=0.001",
    "drop depth chance=0.0005",
    "duplicate trade chance=0.002",
    "reorder trade chance=0.001",
    "reorder depth chance=0.0005",
    "malformed any chance=0.0005",
    "rest 429 chance=0.05 retry-after=1",
)
_JUDGED_S: Final = 8
_AHEAD_S: Final = 80_000
_ASK_EVERY: Final = 5
_TELL_EVERY: Final = 30
_DAY_MS: Final = 86_400_000


class Plan(Struct, frozen=True, kw_only=True):
    """What to run: `speed` times as fast as life, judged after `warm_up_s` of `seconds`."""

    seconds: int
    warm_up_s: int
    speed: int
    symbols: tuple[str, ...]
    seed: int
    folder: Path


class Soaked(Struct, frozen=True):
    """What came of it; the counts are those of the service, summed over all venues."""

    memory: Trend
    trades: int
    reconnects: int
    backfilled: int
    rejected: int
    refused_rest: int


async def soak(plan: Plan, clock: Clock) -> Soaked:
    """Run simulator and service; raises VenueError where one of them does not live through it.

    Raises BadRequestError where too little would be left to judge, or the markets' clocks would run
    so far ahead of ours that their trades were not to be believed.
    """
    if plan.seconds - plan.warm_up_s < _JUDGED_S or plan.seconds * plan.speed > _AHEAD_S:
        msg = f"leave {_JUDGED_S} s after the warm-up, and seconds x speed at most {_AHEAD_S}"
        raise BadRequestError(msg)
    log = structlog.get_logger()
    async with (
        _simulator(plan) as port,
        _service(plan, port) as (process, url),
        httpx2.AsyncClient(base_url=url, timeout=30, trust_env=False) as client,
    ):
        samples: list[Sample] = []
        began = clock.monotonic()
        while (at := clock.monotonic() - began) < plan.seconds:
            samples.append(Sample(at, _resident_kib(process)))
            await _use(client, plan, len(samples))
            if len(samples) % _TELL_EVERY == 0:
                log.info("soak.goes_on", **await _counts(client), **samples[-1]._asdict())
            await clock.sleep(1.0)
        counts = await _counts(client)
        trades = await _trades(client, plan, clock.now() // NS_PER_MS)
    return Soaked(trend(samples, plan.warm_up_s), trades, **counts)


@contextlib.asynccontextmanager
async def _simulator(plan: Plan) -> AsyncIterator[int]:
    options = [
        *(part for venue in Venue for part in ("--venue", venue.value)),
        *(part for symbol in plan.symbols for part in ("--symbols", symbol)),
        *(part for fault in FAULTS for part in ("--faults", fault)),
        *("--seed", str(plan.seed), "--speed", str(plan.speed)),
    ]
    command = ("simulate", "--synthetic", "--exit-with-parent", *options)
    async with _child(command, {}) as (_, line):
        yield msgspec.json.decode(line)["port"]


@contextlib.asynccontextmanager
async def _service(plan: Plan, port: int) -> AsyncIterator[tuple[int, str]]:
    endpoint = {"ws": f"ws://127.0.0.1:{port}", "rest": f"http://127.0.0.1:{port}"}
    settings = {
        "SYMBOLS": msgspec.json.encode(dict.fromkeys(Venue, plan.symbols)).decode(),
        "ENDPOINTS": msgspec.json.encode(dict.fromkeys(Venue, endpoint)).decode(),
        "DATA_DIR": str(plan.folder),
        "HOT_MINUTES": "1",
        "BACKOFF_FIRST_S": "0.1",
        "BACKOFF_CAP_S": "0.5",
        "LOG_LEVEL": "error",
    }
    env = {f"MARKETDATA_{name}": value for name, value in settings.items()}
    async with _child(("run", "--port", "0"), env) as (process, line):
        yield process, line.decode().split()[-1]


@contextlib.asynccontextmanager
async def _child(
    command: Sequence[str], env: Mapping[str, str]
) -> AsyncIterator[tuple[int, bytes]]:
    """Run one of our own commands; give its process id and its first line."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cloud_marketdata", *command),
        env={**os.environ, **env},
        stdout=asyncio.subprocess.PIPE,
        stdin=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None, "stdout was asked for"
    try:
        line = await process.stdout.readline()
        if not line:
            msg = f"`{command[0]}` did not start; its complaint stands above"
            raise VenueError(msg)
        yield process.pid, line
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


def _resident_kib(process: int) -> int:
    """Return VmRSS; raises VenueError where the process is gone."""
    try:
        found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text("ascii"))
    except FileNotFoundError:
        found = None
    if found is None:
        msg = "the service has ended, or this system has no /proc"
        raise VenueError(msg)
    return int(found[1])


async def _use(client: httpx2.AsyncClient, plan: Plan, second: int) -> None:
    """Ask as users do, a market in turn."""
    if second % _ASK_EVERY:
        return
    turn = second // _ASK_EVERY
    market = (
        f"/v1/markets/{list(Venue)[turn % len(Venue)]}/{plan.symbols[turn % len(plan.symbols)]}"
    )
    for path in ("candles", "volume-profile", "coverage", "depth", "trades"):
        await client.get(f"{market}/{path}")


async def _counts(client: httpx2.AsyncClient) -> dict[str, int]:
    health = (await client.get("/health")).json()
    feeds = [c["detail"] for c in health["detail"]["components"] if c["group"] == "collectors"]
    sessions = [session for feed in feeds for session in feed["sessions"].values()]
    return {
        "reconnects": sum(session["reconnects"] for session in sessions),
        "backfilled": sum(feed["backfill"].get("filled", 0) for feed in feeds),
        "rejected": sum(sum(feed["rejected"].values()) for feed in feeds),
        "refused_rest": _refusals(feeds),
    }


def _refusals(feeds: Sequence[dict[str, Any]]) -> int:
    return sum(sum(feed["rest"]["refusals"].values()) for feed in feeds)


async def _trades(client: httpx2.AsyncClient, plan: Plan, now_ms: int) -> int:
    """Count the trades that are inside bars; the markets' clocks run ahead of ours."""
    span: dict[str, str | int] = {"start": now_ms - _DAY_MS, "end": now_ms + 2 * _DAY_MS}
    count = 0
    for venue in Venue:
        for symbol in plan.symbols:
            answer = await client.get(
                f"/v1/markets/{venue}/{symbol}/candles", params={**span, "timeframe": "1d"}
            )
            count += sum(bar["count"] for bar in answer.json()["data"])
    return count
