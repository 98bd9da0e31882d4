"""A session on a transport that the test holds: what it hands on, and how it ends."""

import asyncio
import json
from random import Random

import pytest
from lines import NOW as AT
from lines import Instant, Line, turns

from cloud_marketdata.collectors.base import Ask, Connection
from cloud_marketdata.collectors.intake import Intake, Tapes
from cloud_marketdata.collectors.rejections import Rejections
from cloud_marketdata.collectors.rulers import Rulers
from cloud_marketdata.collectors.session import Session
from cloud_marketdata.collectors.venues import VENUES
from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.errors import VenueError
from cloud_marketdata.domain.events import StatusKind
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.storage.ports import BookState, StreamKind

pytestmark = pytest.mark.anyio
VENUE = Venue.BINANCE_SPOT
TRADE = (
    b'{"e":"trade","E":1723161300001,"s":"BTCUSDT","t":7,"p":"61800.30","q":"0.5",'
    b'"T":1723161300000,"m":true,"M":true}'
)
DEPTH = (
    b'{"e":"depthUpdate","E":1723161300000,"s":"BTCUSDT","U":11,"u":12,'
    b'"b":[["61800.00","1"]],"a":[]}'
)
BOOK = b'{"lastUpdateId":10,"bids":[["61799.00","2"]],"asks":[["61801.00","3"]]}'


class Kept:
    """A sink that keeps everything."""

    def __init__(self) -> None:
        self.batches = []
        self.views = []
        self.refined = []

    def submit(self, batches, views=(), refined=()) -> None:
        """Keep it."""
        self.refined += refined
        self.batches += batches
        self.views += views

    def when_full(self, pause, resume) -> None:
        """Never full."""

    def of(self, kind: StreamKind) -> list:
        """Return the events of one kind, in order."""
        return [e for stream, events in self.batches if stream.kind is kind for e in events]


class OneBook:
    """A REST that answers with one book."""

    async def get(self, ask: Ask) -> bytes:
        """Return it, whatever is asked."""
        del ask
        return BOOK


class World:
    """A session, its lines and its sink."""

    def __init__(self, refusals: int = 0, venue: Venue = VENUE) -> None:
        self.lines: list[Line] = []
        self.kept = Kept()
        self._refusals = refusals
        rejections, tapes = Rejections(), Tapes(venue)

        def intake() -> Intake:
            rulers = Rulers(venue, infer=True), Rulers(venue, infer=True)
            return Intake(VENUES[venue](*rulers, "trade"), tapes, rejections)

        plan = Connection("stream", "/stream", ("btcusdt@trade", "btcusdt@depth@100ms"), (b"sub",))
        self.session = Session(
            plan,
            "ws://nowhere",
            intake,
            connect=self._connect,
            rest=OneBook(),
            writer=self.kept,
            settings=Settings(),
            clock=Instant(),
            random=Random(1),  # noqa: S311  a seed must repeat
        )

    async def _connect(self, url: str, receiver) -> Line:
        del url, receiver
        if self._refusals:
            self._refusals -= 1
            msg = "refused"
            raise VenueError(msg)
        self.lines.append(Line())
        return self.lines[-1]

    def hear(self, *payloads: bytes) -> None:
        """Bring frames, as one read."""
        for payload in payloads:
            self.session.message(payload, AT)
        self.session.read_done()


async def test_a_connection_subscribes_joins_its_book_and_hands_on_trades():
    world = World()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(world.session.run())
        await turns()
        world.hear(TRADE, DEPTH)
        await turns()
        assert world.lines[0].sent == [b"sub"]
        assert [trade.id for trade in world.kept.of(StreamKind.TRADES)] == [7]
        assert world.kept.views[-1].state is BookState.SYNCED
        assert world.session.connected
        assert world.session.live
        running.cancel()


async def test_a_lost_connection_says_so_marks_its_books_and_is_opened_again():
    world = World(refusals=2)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(world.session.run())
        await turns()
        world.hear(DEPTH)
        await turns()
        world.lines[0].close()
        await turns()
        kinds = [event.kind for event in world.kept.of(StreamKind.STATUS)]
        assert kinds == [
            StatusKind.CONNECTED,
            StatusKind.BOOK_SYNCED,
            StatusKind.DISCONNECTED,
            StatusKind.CONNECTED,
        ]
        assert world.kept.views[-1].state is BookState.STALE
        assert world.kept.views[-1].bids == ()
        assert (len(world.lines), world.session.reconnects) == (2, 3)
        running.cancel()


async def test_what_was_heard_before_the_loss_is_handed_on():
    world = World()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(world.session.run())
        await turns()
        world.session.message(TRADE, AT)
        world.lines[0].close()
        await turns()
        assert [trade.id for trade in world.kept.of(StreamKind.TRADES)] == [7]
        running.cancel()


async def test_a_grid_that_was_refined_right_before_the_loss_is_handed_on():
    world = World()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(world.session.run())
        await turns()
        world.hear(TRADE)
        await turns()
        finer = TRADE.replace(b'"t":7', b'"t":8').replace(b"61800.30", b"61800.35")
        world.session.message(finer, AT)
        world.lines[0].close()
        await turns()
        assert str(world.kept.refined[-1].scale.tick) == "0.05"
        running.cancel()


async def test_a_repeat_on_the_next_connection_is_dropped_and_counted():
    world = World()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(world.session.run())
        await turns()
        world.hear(TRADE)
        await turns()
        world.lines[0].close()
        await turns()
        world.hear(TRADE)
        await turns()
        assert len(world.kept.of(StreamKind.TRADES)) == 1
        assert world.session.intake.lanes["BTCUSDT"].duplicates == 1
        running.cancel()


async def test_a_session_cancelled_in_the_moment_its_connection_is_lost_ends():
    world = World()
    running = asyncio.ensure_future(world.session.run())
    await turns()
    world.lines[0].close()
    await asyncio.sleep(0)
    running.cancel()
    done, _ = await asyncio.wait({running}, timeout=5)
    assert done


def bybit_book(kind: str, update_id: int) -> bytes:
    data = {"s": "BTCUSDT", "b": [["61800.0", "1"]], "a": [], "u": update_id, "seq": update_id}
    ms = AT // 1_000_000
    frame = {"topic": "orderbook.200.BTCUSDT", "type": kind, "ts": ms, "data": data, "cts": ms}
    return json.dumps(frame).encode()


async def test_a_refused_repair_of_a_bybit_book_is_asked_for_again():
    world = World(venue=Venue.BYBIT_LINEAR)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(world.session.run())
        await turns()
        world.hear(bybit_book("snapshot", 10), bybit_book("delta", 12))
        await turns()
        world.hear(b'{"success":false,"ret_msg":"error:already subscribed","op":"subscribe"}')
        await turns()
        asked = [json.loads(sent)["op"] for sent in world.lines[0].sent[1:]]
        assert asked[:4] == ["unsubscribe", "subscribe"] * 2
        assert world.kept.views[-1].state is BookState.STALE
        world.hear(bybit_book("snapshot", 20))
        await turns()
        assert world.kept.views[-1].state is BookState.SYNCED
        running.cancel()
