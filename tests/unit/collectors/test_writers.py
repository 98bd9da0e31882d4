"""Only the log may hold up the writer; what waits for other stores is merged and comes later."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lines import NOW, Instant, turns
from structlog.testing import capture_logs

from cloud_marketdata.collectors.backlog import Backlog
from cloud_marketdata.collectors.rejections import Rejections
from cloud_marketdata.collectors.writer import LogWriter
from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.domain.coverage import CoverageState, Covered
from cloud_marketdata.domain.events import Rejection, StatusEvent, StatusKind, TradeEvent
from cloud_marketdata.domain.instrument import Instrument, Scale
from cloud_marketdata.domain.ledger import Ledger
from cloud_marketdata.domain.sheet import Kept
from cloud_marketdata.domain.values import NS_PER_S, Side, Venue
from cloud_marketdata.storage.memory import memory_stores
from cloud_marketdata.storage.ports import Batch, BookState, BookView, Stores, Stream, StreamKind

pytestmark = pytest.mark.anyio

BTC = Instrument(Venue.BYBIT_SPOT, "BTCUSDT", Scale(Decimal("0.1"), Decimal("0.001")))
TRADES = Stream(BTC.venue, BTC.symbol, StreamKind.TRADES)
FACTS = Stream(BTC.venue, BTC.symbol, StreamKind.STATUS)
BAD = (Venue.BYBIT_SPOT, "malformed")


class Port:
    """A port of a store that is away while the test says so, and notes what it is called with."""

    def __init__(self, inner: object, name: str) -> None:
        self.away = False
        self.calls: list[object] = []
        self._inner = inner
        self._name = name

    def __getattr__(self, name: str) -> object:
        """Return the port's own method, with a door before the one that may fail."""
        method = getattr(self._inner, name)
        if name != self._name:
            return method

        async def guarded(*values: object) -> object:
            await asyncio.sleep(0)
            if self.away:
                msg = "away"
                raise StorageError(msg)
            self.calls.append(values[0])
            return await method(*values)

        return guarded


class Scene:
    """A writer over stores whose four ports can be away one by one."""

    def __init__(self) -> None:
        inner = memory_stores(Instant())
        self.log = Port(inner.log, "append")
        self.books = Port(inner.books, "publish")
        self.instruments = Port(inner.instruments, "save")
        self.quarantine = Port(inner.quarantine, "record")
        self.stores: Stores = msgspec.structs.replace(
            inner,
            log=self.log,
            books=self.books,
            instruments=self.instruments,
            quarantine=self.quarantine,
        )
        self.rejections = Rejections()
        self.writer = LogWriter(self.stores, self.rejections, Instant(), events_max=3)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the writer during the block, and let it end then."""
        async with asyncio.timeout(5), asyncio.TaskGroup() as group:
            group.create_task(self.writer.run())
            yield
            self.writer.close()

    async def numbers(self) -> list[int]:
        """Return the ids of the trades in the log."""
        records = await self.stores.log.read(TRADES, limit=1_000)
        return [event.id for record in records for event in record.events]


def trades(*numbers: int) -> Batch:
    return Batch(TRADES, [TradeEvent(BTC, n, 1, 1, Side.BUY, NOW, NOW, n) for n in numbers])


def view(update_id: int) -> BookView:
    return BookView(BTC, BookState.SYNCED, update_id, NOW, NOW)


def bad(number: int, reason: str = "malformed") -> Rejection:
    return Rejection(BTC.venue, reason, "no JSON", b"%d" % number, NOW)


def fact(kind: StatusKind, second: int, **detail: int | str) -> StatusEvent:
    return StatusEvent(BTC.venue, BTC.symbol, kind, NOW + second * NS_PER_S, detail)


async def test_rejections_without_any_good_event_reach_the_quarantine():
    scene = Scene()
    scene.rejections.add(bad(1))
    async with scene.running():
        scene.writer.submit(())
        await turns()
        assert await scene.stores.quarantine.counts() == {BAD: 1}
    assert [kept.sample for kept in await scene.stores.quarantine.samples()] == [b"1"]


@pytest.mark.parametrize(
    "away", [("books",), ("instruments",), ("quarantine",), ("books", "instruments", "quarantine")]
)
async def test_a_store_that_is_away_holds_up_neither_the_log_nor_another_store(away):
    scene = Scene()
    finer = msgspec.structs.replace(BTC, scale_version=2)
    ports = {name: getattr(scene, name) for name in ("books", "instruments", "quarantine")}
    for name in away:
        ports[name].away = True
    async with scene.running():
        for number in range(1, 6):
            scene.rejections.add(bad(number))
            scene.writer.submit([trades(number)], [view(number)], [finer])
            await turns(10)
        assert await scene.numbers() == [1, 2, 3, 4, 5]
        assert (scene.writer.backlog, scene.writer.stalls) == (0, 0)
        for name, port in ports.items():
            waits = scene.writer.waiting["rejections" if name == "quarantine" else name]
            assert (waits, bool(port.calls)) == ((1, False) if name in away else (0, True))
        for port in ports.values():
            port.away = False
        await turns()
        assert set(scene.writer.waiting.values()) == {0}
    assert (await scene.stores.books.find(BTC.venue, BTC.symbol)).update_id == 5
    assert await scene.stores.instruments.find(BTC.venue, BTC.symbol) == finer
    assert await scene.stores.quarantine.counts() == {BAD: 5}
    assert len(await scene.stores.quarantine.samples()) == 5


async def test_views_that_could_not_be_published_are_superseded_by_newer_ones():
    scene = Scene()
    scene.books.away = True
    async with scene.running():
        for number in range(1, 50):
            scene.writer.submit([trades(number)], [view(number)])
            await turns(4)
        assert scene.writer.waiting["books"] == 1
        scene.books.away = False
        await turns()
    assert [views[0].update_id for views in scene.books.calls] == [49]


async def test_a_book_is_not_published_before_the_log_has_its_changes():
    scene = Scene()
    scene.log.away = True
    async with scene.running():
        scene.writer.submit([trades(1)], [view(1)])
        await turns()
        scene.writer.submit((), [view(2)])
        await turns()
        assert scene.books.calls == []
        assert scene.writer.refused > 1
        scene.log.away = False
        await turns()
        assert scene.books.calls[-1][0].update_id == 2
    assert await scene.numbers() == [1]


async def test_samples_that_wait_too_long_make_room_and_are_counted():
    scene = Scene()
    scene.quarantine.away = True
    async with scene.running():
        for number in range(150):
            # Ten of every reason are kept.
            for _ in range(11):
                scene.rejections.add(bad(number, f"reason {number}"))
            scene.writer.submit(())
            await turns(3)
        assert scene.writer.waiting["samples_left_out"] == 1_500 - 1_000
        scene.quarantine.away = False
        await turns()
        assert scene.writer.waiting["rejections"] == 0
    counts = await scene.stores.quarantine.counts()
    assert counts == {(BTC.venue, f"reason {number}"): 11 for number in range(150)}
    newest, *_ = await scene.stores.quarantine.samples()
    assert newest.reason == "reason 149"


async def test_a_full_backlog_pauses_and_the_log_that_is_back_resumes():
    scene, said = Scene(), []
    scene.log.away = True
    with capture_logs() as logs:
        async with scene.running():
            scene.writer.submit([trades(1, 2, 3)])
            scene.writer.when_full(lambda: said.append("pause"), lambda: said.append("resume"))
            assert said == []
            scene.writer.submit([trades(4)])
            scene.writer.when_full(lambda: said.append("pause"), lambda: said.append("resume"))
            await turns()
            assert (said, scene.writer.stalls, scene.writer.backlog) == (["pause"], 1, 4)
            scene.log.away = False
            await turns()
            assert said == ["pause", "resume"]
    assert await scene.numbers() == [1, 2, 3, 4]
    told = Counter(entry["event"] for entry in logs)
    assert told == {"writer.storage_away": 1, "writer.storage_back": 1}


async def test_closing_writes_what_waits_and_tells_what_a_store_has_not_taken():
    scene = Scene()
    scene.books.away = True
    with capture_logs() as logs:
        async with scene.running():
            scene.writer.submit([trades(1)], [view(1)])
    assert await scene.numbers() == [1]
    [left] = [entry for entry in logs if entry["event"] == "writer.left"]
    assert (left["what"], left["count"]) == ("books", 1)


FACT = st.builds(
    lambda kind, trades, book: (kind, {"trades": trades, "book": book}),
    st.sampled_from([StatusKind.ALIVE] * 6 + [StatusKind.TRADES_LOST, StatusKind.STARTED]),
    st.integers(0, 1),
    st.sampled_from(["synced", "waiting"]),
)


def facts_of(steps: list[tuple[StatusKind, dict[str, int | str]]]) -> list[StatusEvent]:
    found = []
    for second, (kind, detail) in enumerate(steps):
        since = {"since_ms": (NOW + second * NS_PER_S) // 1_000_000 - 500}
        found.append(fact(kind, second, **(detail if kind is StatusKind.ALIVE else since)))
    return found


def vouched(facts: list[StatusEvent]) -> set[tuple[Covered, int]]:
    """Return the half seconds for which a ledger vouches after these facts."""
    ledger = Ledger(BTC.venue, BTC.symbol, Kept())
    ledger.fold_facts(1, facts)
    half = NS_PER_S // 2
    return {
        (covered, at)
        for covered in Covered
        for one in ledger.intervals(covered)
        if one.state in {CoverageState.UNBROKEN, CoverageState.COMPLETE}
        for at in range((one.start - NOW) // half, (one.end - NOW) // half)
    }


@given(st.lists(FACT, max_size=40), st.integers(0, 20), st.integers(0, 20))
def test_while_sockets_are_not_read_nothing_is_vouched_for_that_would_not_be_later(
    steps, before, during
):
    told = facts_of(steps)
    parts = told[:before], told[before : before + during], told[before + during :]
    backlog = Backlog(most=2)
    kept: list[StatusEvent] = []
    for number, part in enumerate(parts):
        # In the second part trades wait that the log does not take.
        waiting = [trades(*range(10))] if number == 1 else []
        backlog.put([*waiting, *(Batch(FACTS, [one]) for one in part[:2]), Batch(FACTS, part[2:])])
        taken = backlog.take()
        kept += [event for stream, events, _ in taken if stream == FACTS for event in events]
        backlog.written(backlog.count)
    assert len(kept) + backlog.unsaid == len(told)
    assert [fact for fact in told if fact.kind is not StatusKind.ALIVE] == [
        fact for fact in kept if fact.kind is not StatusKind.ALIVE
    ]
    assert vouched(kept) <= vouched(told)


def test_one_word_after_the_stall_says_what_all_words_in_it_would_have_said():
    words = [fact(StatusKind.ALIVE, second, trades=1, book="synced") for second in range(100)]
    assert vouched([words[0], words[-1]]) == vouched(words) != set()


async def test_hours_without_the_log_do_not_fill_the_memory_with_words():
    scene = Scene()
    scene.log.away = True
    async with scene.running():
        scene.writer.submit([trades(1, 2, 3, 4)])
        for second in range(1_000):
            word = fact(StatusKind.ALIVE, second, trades=1, book="synced")
            scene.writer.submit([Batch(FACTS, [word])])
        assert (scene.writer.backlog, scene.writer.waiting["alive_unsaid"]) == (4, 1_000)
        scene.log.away = False
        await turns()
        assert scene.writer.backlog == 0


async def test_a_fact_is_appended_after_the_trades_that_it_vouches_for():
    scene = Scene()
    async with scene.running():
        word = fact(StatusKind.ALIVE, 1, trades=1, book="synced")
        scene.writer.submit([Batch(FACTS, [word]), trades(1)])
    kinds = [[stream.kind for stream, _, _ in batches] for batches in scene.log.calls]
    assert kinds == [[StreamKind.TRADES], [StreamKind.STATUS]]
