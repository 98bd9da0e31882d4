"""Trades left out of a real stream come back over real HTTP, as the very events they were."""

import asyncio
from collections.abc import Callable
from random import Random

import msgspec
import pytest
from websockets.asyncio.client import connect

from cloud_marketdata.collectors.base import BaseCollector, Limits
from cloud_marketdata.collectors.lanes.desk import Desks
from cloud_marketdata.collectors.lanes.rulers import Rulers
from cloud_marketdata.collectors.rejections import Rejections
from cloud_marketdata.collectors.rest.budget import Budget
from cloud_marketdata.collectors.rest.client import rest_at
from cloud_marketdata.collectors.tapes.backfill import Backfill
from cloud_marketdata.collectors.venues import VENUES
from cloud_marketdata.core.breaker import CircuitBreaker
from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.domain.events import StatusEvent, StatusKind, TradeEvent
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.simulator.server import simulate
from cloud_marketdata.simulator.staging import Simulation
from cloud_marketdata.storage.ports import Batch


class HeldClock(SystemClock):
    """A clock whose sleepers wake while it runs: a market on it can be made to stand still."""

    def __init__(self) -> None:
        self.runs = asyncio.Event()
        self.runs.set()

    async def sleep(self, seconds: float) -> None:
        """Sleep, and for as long as the clock is held."""
        await super().sleep(seconds)
        await self.runs.wait()


class Log:
    """A sink with room for everything."""

    def __init__(self) -> None:
        self.events: list[TradeEvent | StatusEvent] = []
        self.settled = asyncio.Event()

    def submit(self, batches: list[Batch], views=(), refined=()) -> None:
        """See Sink."""
        assert not list(views)
        assert not list(refined)
        self.events += [event for batch in batches for event in batch.events]
        if any(isinstance(event, StatusEvent) for event in self.events):
            self.settled.set()

    def when_full(self, pause: Callable[[], None], resume: Callable[[], None]) -> None:
        """Never full."""


def _collector(venue: Venue) -> BaseCollector:
    return VENUES[venue](Rulers(venue, infer=True), Rulers(venue, infer=True), "aggTrade")


async def _streamed(port: int, collector: BaseCollector, count: int) -> list[TradeEvent]:
    """Return the first trades that a subscriber gets."""
    path = next(c.path for c in collector.connections(["BTCUSDT"]) if c.name != "books")
    trades: list[TradeEvent] = []
    async with connect(f"ws://127.0.0.1:{port}{path}", compression=None) as client:
        for command in collector.subscribe([collector.trades.topic("BTCUSDT")]):
            await client.send(command.payload.decode())
        while len(trades) < count:
            frame = (await client.recv()).encode()
            trades += [e for e in collector.decode(frame, 1 << 61) if isinstance(e, TradeEvent)]
    return trades


async def _filled(venue: Venue, lost: range, count: int, speed: float) -> None:
    clock, collector, market = SystemClock(), _collector(venue), HeldClock()
    async with simulate(Simulation(venues=(venue,), seed=5, speed=speed), market) as port:
        streamed = await _streamed(port, collector, count)
        # The venue tells its newest trades alone: they shall be these on a slow machine too.
        market.runs.clear()
        desks, log = Desks(venue), Log()
        tape = desks["BTCUSDT"].tape
        for event in streamed[: lost.start]:
            tape.admit(event)
        tape.interrupted()
        [gap] = [gap for event in streamed[lost.stop :] if (gap := tape.admit(event).gap)]
        breaker = CircuitBreaker(monotonic=clock.monotonic)
        door = {"budget": Budget(Limits(6000, 60.0, 5), clock), "breaker": breaker, "clock": clock}
        async with rest_at(f"http://127.0.0.1:{port}", 5.0, **door) as rest:
            backfill = Backfill(
                collector,
                rest,
                desks,
                log,
                rejections=Rejections(),
                clock=clock,
                random=Random(1),  # noqa: S311  delays are no secret
            )
            backfill.request("BTCUSDT", gap)
            async with asyncio.timeout(20), asyncio.TaskGroup() as group:
                running = group.create_task(backfill.run())
                await log.settled.wait()
                running.cancel()
    *trades, fact = log.events
    assert _unstamped(trades) == _unstamped(streamed[lost.start : lost.stop])
    assert (fact.kind, fact.detail["filled"]) == (StatusKind.TRADES_REPAIRED, len(lost))
    assert "reason" not in fact.detail


def _unstamped(events: list[TradeEvent]) -> list[TradeEvent]:
    return [msgspec.structs.replace(event, received_at=0) for event in events]


@pytest.mark.parametrize("venue", [Venue.BINANCE_SPOT, Venue.BINANCE_USDM, Venue.BYBIT_LINEAR])
def test_what_the_stream_lost_comes_back_by_rest(venue):
    asyncio.run(_filled(venue, range(60, 130), 200, 40.0))


def test_spots_sixty_newest_trades_repair_a_short_and_young_gap():
    # Slowly, or the newest sixty would be others before they are asked for.
    asyncio.run(_filled(Venue.BYBIT_SPOT, range(20, 26), 30, 4.0))
