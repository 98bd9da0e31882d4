"""Whatever becomes of connections that relieve each other, one reader follows what was written."""

import asyncio
from itertools import chain
from pathlib import Path
from random import Random

import pytest
from frames import instruments
from hypothesis import example, given, settings
from hypothesis import strategies as st
from recorded_market import SYMBOL, Market, Venueside
from virtual import Network, VirtualClock, turns

from cloud_marketdata.collectors.base import BaseCollector
from cloud_marketdata.collectors.connection.fleet import Fleet
from cloud_marketdata.collectors.connection.gear import Gear, no_repair
from cloud_marketdata.collectors.lanes.desk import Desks
from cloud_marketdata.collectors.lanes.rulers import Rulers
from cloud_marketdata.collectors.rejections import Rejections
from cloud_marketdata.collectors.rest.address import breaker_of
from cloud_marketdata.collectors.venues import VENUES
from cloud_marketdata.core.config import Settings
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.record.intake import RecordingIntake, RecordingRest
from cloud_marketdata.record.names import segments_of
from cloud_marketdata.record.packing import Packer
from cloud_marketdata.record.recorder import Nowhere
from cloud_marketdata.record.relay import Relay
from cloud_marketdata.record.segments import Rotation, Segments
from cloud_marketdata.record.tap import tapped
from cloud_marketdata.replay.player import Player
from cloud_marketdata.replay.report import report
from cloud_marketdata.simulator.capture import read_capture

VENUES_OF_ALL_RULES = [Venue.BINANCE_SPOT, Venue.BINANCE_USDM, Venue.BYBIT_LINEAR]
# A relief, what comes meanwhile, how it ends, and what comes then.
BUSY = st.lists(st.sampled_from(["market", "market", "soon"]), min_size=1, max_size=4)
END = st.sampled_from(["settle", "settle", "cut old", "cut new"])
RELIEF = st.tuples(BUSY, END, BUSY).map(lambda r: ["relieve", *r[0], r[1], *r[2]])
MOVES = st.lists(RELIEF, min_size=1, max_size=4).map(lambda some: [*chain.from_iterable(some)])


class Stage:
    """A fleet that is recorded, in virtual time."""

    def __init__(self, venue: Venue, folder: Path, seed: int) -> None:
        self.clock = VirtualClock()
        self.network = Network(self.clock)
        self.market = Market(venue)
        self.side = Venueside(self.market, self.network)
        self.random = Random(seed)  # noqa: S311  a seed must repeat
        self.packer = Packer()
        self.segments = Segments(folder, venue, Rotation(3_000, 60.0), self.clock, self.packer)
        self.relays: dict[str, Relay] = {}
        self.desks = Desks(venue)
        self.rulers = Rulers(venue, instruments(venue)), Rulers(venue, instruments(venue))
        self.fleet = Fleet("ws://venue", self.intake, self.gear())
        self.fleet.add([SYMBOL])

    def collector(self) -> BaseCollector:
        """Make what decodes one connection."""
        return VENUES[self.market.venue](*self.rulers, "aggTrade")

    def intake(self) -> RecordingIntake:
        """Make the intake of one connection."""
        return RecordingIntake(self.collector(), self.desks, Rejections(), self.clock)

    def relay(self, name: str) -> Relay:
        """Return the relay of the connections of one name."""
        return self.relays.setdefault(name, Relay(self.segments.write))

    def gear(self) -> Gear:
        """Return what every connection is given."""
        quiet = 86_400.0
        config = Settings(ticker_every_s=quiet, book_refresh_s=quiet, lifetime_hours=24)
        bybit = self.market.venue.exchange == "bybit"
        books = {} if bybit else {self.collector().snapshot_ask(SYMBOL): SYMBOL}
        return Gear(
            connect=tapped(self.network.connect, self.relay),
            rest=RecordingRest(self.side, books, self.segments, self.clock),
            sink=Nowhere(),
            repair=no_repair,
            breaker=breaker_of(config, self.clock),
            settings=config,
            clock=self.clock,
            random=Random(1),  # noqa: S311  a seed must repeat
        )

    async def play(self, moves: list[str]) -> None:
        """Do all of it, and then let it settle."""
        async with asyncio.TaskGroup() as group:
            running = group.create_task(self.fleet.run())
            await self.settle(2)
            for move in moves:
                await self.do(move)
            await self.settle(5)
            running.cancel()
        self.segments.close()
        self.packer.end()
        await self.packer.run([])

    async def settle(self, rounds: int) -> None:
        """Let the market reach everybody, and time pass."""
        for _ in range(rounds):
            await turns()
            self.side.notice()
            self.market.move(2, 1)
            self.side.speak_all()
            await self.clock.move(2)

    async def do(self, move: str) -> None:
        """Do one thing."""
        self.side.notice()
        if move == "market":
            self.happen()
        elif move == "relieve":
            for session in self.fleet.sessions:
                session.link.ask_relief("old")
            await self.clock.move(0.6)
        elif move == "soon":
            await self.clock.move(self.random.choice([0.02, 0.3]))
        elif move == "settle":
            # The link looks every second whether it may relieve the other.
            for _ in range(4):
                self.happen()
                await self.clock.move(0.3)
        else:
            self.cut(-1 if move == "cut new" else 0)
        await turns()
        self.side.notice()

    def happen(self) -> None:
        """Have something happen, of which each connection tells as much as it likes."""
        self.market.move(self.random.randint(0, 6), self.random.randint(0, 2))
        for wire in self.network.open:
            self.side.speak(wire, self.random)

    def cut(self, which: int) -> None:
        """End one of two connections that carry the same; the only one would be a real loss."""
        for url in {wire.url for wire in self.network.open}:
            wires = [wire for wire in self.network.open if wire.url == url]
            if len(wires) > 1:
                wires[which].close()


def recorded(venue: Venue, folder: Path, moves: list[str], seed: int = 0) -> tuple[Stage, Player]:
    stage = Stage(venue, folder, seed)
    asyncio.run(stage.play(moves))
    player = Player(venue, instruments(venue))
    player.play(read_capture(segments_of(folder, venue)))
    return stage, player


@pytest.mark.parametrize("venue", VENUES_OF_ALL_RULES)
@settings(max_examples=12)
# The new connection is behind the old one, with a snapshot in hand that only it can join; and a
# snapshot comes before the message in which the reader finds the gap.
@example(moves=["relieve", "market", "soon", "cut old", "market", "market"], seed=19)
@example(moves=["relieve", "market", "settle", "market"], seed=6)
@given(moves=MOVES, seed=st.integers(0, 1 << 16))
def test_a_reader_misses_no_trade_and_ends_with_the_venues_book(
    tmp_path_factory, venue, moves, seed
):
    stage, player = recorded(venue, tmp_path_factory.mktemp("segments"), moves, seed)
    told = report(player)["symbols"][SYMBOL]
    assert told["trade_gaps"] == []
    assert told["trades"] == stage.market.trades
    assert told["book"]["state"] == "synced"
    assert told["rejected"] == {}
    followed = player.intake.lanes[SYMBOL].sync.book.snapshot()
    assert (dict(followed.bids), dict(followed.asks)) == stage.market.book()
    assert told["book"]["gaps"] <= len(stage.network.wires) - len(stage.fleet.sessions)


@pytest.mark.parametrize("venue", VENUES_OF_ALL_RULES)
def test_a_reader_meets_at_most_one_resync_for_each_relief(tmp_path, venue):
    moves = ["market", "relieve", "market", "market", "soon", "market", "settle", "market"]
    stage, player = recorded(venue, tmp_path, moves)
    assert [session.rotations for session in stage.fleet.sessions] == [1] * len(
        stage.fleet.sessions
    )
    told = report(player)["symbols"][SYMBOL]
    assert told["book"]["resyncs"] == (1 if venue is Venue.BINANCE_USDM else 0)
    assert told["duplicates"] >= 1
