"""A session in virtual time: its wires, its venue's REST, and what it handed on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

from frames import instruments, js
from virtual import Kept, Network, VirtualClock, turns

from cloud_marketdata.collectors.base import Ask
from cloud_marketdata.collectors.connection.gear import Gear
from cloud_marketdata.collectors.connection.session import Session
from cloud_marketdata.collectors.lanes.desk import Desks
from cloud_marketdata.collectors.lanes.intake import Intake
from cloud_marketdata.collectors.lanes.rulers import Rulers
from cloud_marketdata.collectors.rejections import Rejections
from cloud_marketdata.collectors.rest.address import breaker_of
from cloud_marketdata.collectors.venues import VENUES
from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.errors import VenueError
from cloud_marketdata.domain.events import StatusKind
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.storage.ports import StreamKind


class Answers:
    """A REST whose answers the test sets by a part of the path; without one it fails."""

    def __init__(self) -> None:
        self.bodies: dict[str, bytes] = {}
        self.asked: list[str] = []

    async def get(self, ask: Ask) -> bytes:
        """Answer the last set body that fits."""
        self.asked.append(ask.path)
        for part, body in reversed(self.bodies.items()):
            if part in ask.path:
                return body
        msg = f"GET {ask.path}: not served"
        raise VenueError(msg)


class World:
    """Sessions of one venue, as many as asked for, with one desk each symbol."""

    def __init__(self, venue: Venue, *, symbols=("BTCUSDT",), copies=1, **settings: object) -> None:
        self.clock = VirtualClock()
        self.network = Network(self.clock)
        self.kept = Kept()
        self.rest = Answers()
        self.repairs: list = []
        self.settings = Settings(**settings)
        self.desks = Desks(venue)
        self.rejections = Rejections()
        rulers = Rulers(venue, instruments(venue)), Rulers(venue, instruments(venue))

        def intake() -> Intake:
            collector = VENUES[venue](*rulers, self.settings.binance_trade_stream)
            return Intake(collector, self.desks, self.rejections)

        gear = Gear(
            connect=self.network.connect,
            rest=self.rest,
            sink=self.kept,
            repair=lambda symbol, gap: self.repairs.append((symbol, gap)),
            breaker=breaker_of(self.settings, self.clock),
            settings=self.settings,
            clock=self.clock,
            random=Random(1),  # noqa: S311  a seed must repeat
        )
        plan = intake().collector.connections(symbols)[-1]
        self.gear = gear
        self.sessions = [Session(plan, "ws://venue", intake, gear) for _ in range(copies)]

    @property
    def session(self) -> Session:
        """The first of them."""
        return self.sessions[0]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the sessions while the block runs."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(session.run()) for session in self.sessions]
            await turns()
            yield
            for task in tasks:
                task.cancel()

    @property
    def trades(self) -> list:
        """Ids of the trades that were handed on, in order."""
        return [trade.id for trade in self.kept.of(StreamKind.TRADES)]

    @property
    def facts(self) -> list[StatusKind]:
        """Kinds of the facts that were handed on, in order, without heartbeats."""
        return [fact.kind for fact in self.kept.of(StreamKind.STATUS)]

    def detail(self, kind: StatusKind) -> dict:
        """Return the detail of the newest fact of a kind."""
        return [f.detail for f in self.kept.of(StreamKind.STATUS) if f.kind is kind][-1]


def spot_depth(first: int, last: int) -> bytes:
    """Return a spot depth event, in the combined form."""
    data = {"e": "depthUpdate", "E": 1_723_161_300_000, "s": "BTCUSDT", "U": first, "u": last}
    bids = {"b": [["61800.00", "1"]], "a": []}
    return js({"stream": "btcusdt@depth@100ms", "data": data | bids})


def spot_book(at: int) -> bytes:
    """Return a REST book."""
    return js({"lastUpdateId": at, "bids": [["61799.00", "2"]], "asks": [["61801.00", "3"]]})


def spot_trade(number: int, ms: int = 1_723_161_300_000) -> bytes:
    """Return an `@aggTrade`, in the combined form."""
    data = {
        "e": "aggTrade",
        "E": ms,
        "s": "BTCUSDT",
        "a": number,
        "p": "61800.30",
        "q": "0.5",
        "f": number,
        "l": number,
        "T": ms,
        "m": True,
        "M": True,
    }
    return js({"stream": "btcusdt@aggTrade", "data": data})


def spot_rows(*rows: tuple[int, int]) -> bytes:
    """Return REST aggregate trades by (id, ms)."""
    return js(
        [
            {"a": a, "p": "61800.30", "q": "0.5", "f": a, "l": a, "T": ms, "m": True, "M": True}
            for a, ms in rows
        ]
    )
