"""Closed minutes against a venue that says what it is told to: verdicts, revisions, patience."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from random import Random

import msgspec
import pytest
from worker_tape import (
    BTC,
    MINUTE,
    START,
    VENUE,
    S,
    StillClock,
    append,
    drained,
    fresh_stores,
    started,
    trade,
)

from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.errors import StorageError, VenueBusyError, VenueError
from cloud_marketdata.domain.aggregate import Aggregate
from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.domain.klines import RULES, Kline, drawn, told
from cloud_marketdata.domain.reconciled import Reconciled, Verdict
from cloud_marketdata.domain.values import Timeframe, Venue
from cloud_marketdata.processing.reconciliation.reconciling import Reconciling
from cloud_marketdata.storage.flow_ports import ReconciliationRepository
from cloud_marketdata.storage.ports import Stores

pytestmark = pytest.mark.anyio
RULE = RULES[VENUE.exchange]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Exchange:
    """A venue that has a tape of its own, of which it tells klines and trades."""

    def __init__(self, tape: Sequence[TradeEvent]) -> None:
        self.tape = list(tape)
        self.wrong: dict[int, dict[str, str]] = {}
        self.silent: set[int] = set()
        self.error: VenueError | None = None
        self.asked: list[tuple[int, int]] = []
        self.refetched: list[int] = []

    @asynccontextmanager
    async def open(self, venue: Venue) -> AsyncIterator["Exchange"]:
        """See KlineSource."""
        assert venue is VENUE
        yield self

    async def klines(self, symbol: str, start: int, end: int) -> list[Kline]:
        """See KlineAnswers."""
        assert symbol == "BTCUSDT"
        self.asked.append(((start - START) // MINUTE, (end - START) // MINUTE))
        if self.error:
            raise self.error
        return [self._kline(at) for at in range(start, end, MINUTE) if at not in self.silent]

    async def trades(self, instrument: Instrument, first_id: int, end: int) -> list[TradeEvent]:
        """See KlineAnswers."""
        assert instrument == BTC
        self.refetched.append(first_id)
        return [one for one in self.tape if one.id >= first_id and one.exchange_time < end]

    def _kline(self, start: int) -> Kline:
        bar = Aggregate(BTC, Timeframe.M1, start)
        for one in self.tape:
            if start <= one.exchange_time < start + MINUTE:
                bar.add(one)
        before = [one for one in self.tape if one.exchange_time < start]
        close = str(before[-1].price / 10) if before else "1"
        return Kline(start, drawn(told(bar, RULE), close, RULE) | self.wrong.get(start, {}))


def tape(minutes: Sequence[int], every: int = 10) -> list[TradeEvent]:
    """Return trades every few seconds of these minutes, with ids that leave out nothing."""
    times = [START + m * MINUTE + s * S for m in minutes for s in range(0, 60, every)]
    return [trade(at, time, price=600_000 + at) for at, time in enumerate(times)]


class Desk:
    """Stores in which a worker has folded a tape, a venue, and the reconciliation of both."""

    def __init__(self, stores: Stores, exchange: Exchange, **given: float) -> None:
        self.stores = stores
        self.exchange = exchange
        self.clock = StillClock()
        self.clock.at = START + 100 * MINUTE
        self.markets = [(VENUE, "BTCUSDT")]
        self.reconciling = Reconciling(
            stores,
            exchange,
            Settings(**given),
            self.clock,
            Random(1),  # noqa: S311  a seed must repeat
            markets=lambda: self.markets,
        )

    async def look(self, *, after_s: float = 0) -> str:
        """Look for minutes to compare, some time later."""
        await self.clock.sleep(after_s)
        return await self.reconciling.look(VENUE)

    async def said(self) -> dict[int, Reconciled]:
        """Return the verdicts by the number of their minute."""
        found = await self.stores.reconciliations.find(VENUE, "BTCUSDT", 0, 1 << 62)
        return {(one.start - START) // MINUTE: one for one in found}

    async def verdicts(self) -> dict[int, Verdict]:
        """Return the bare verdicts."""
        return {minute: one.verdict for minute, one in (await self.said()).items()}

    async def counts(self) -> dict[str, object]:
        """Return what `/health` is told."""
        return (await self.reconciling.pulse()).detail


async def ready(
    ours: Sequence[TradeEvent], theirs: Sequence[TradeEvent] | None = None, **given: float
) -> Desk:
    """Return a desk at which our tape is folded, and the venue has its own."""
    stores, _ = fresh_stores()
    await append(stores, *ours)
    worker = await started(stores)
    await drained(worker)
    await worker.save()
    return Desk(stores, Exchange(ours if theirs is None else theirs), **given)


EXACT, MISMATCH, UNAVAILABLE = Verdict.EXACT, Verdict.MISMATCH, Verdict.UNAVAILABLE


async def test_every_closed_minute_is_exact_and_the_open_one_is_not_asked_for():
    desk = await ready(tape(range(5)))
    assert await desk.look() == ""
    assert await desk.verdicts() == dict.fromkeys(range(4), EXACT)
    assert desk.exchange.asked == [(0, 4)]
    assert await desk.look() == ""
    assert desk.exchange.asked == [(0, 4)]


async def test_the_next_minute_is_compared_once_another_one_has_begun():
    times = tape(range(7))
    desk = await ready(times[:30], times)
    await desk.look()
    assert max(await desk.verdicts()) == 3
    worker = await started(desk.stores)
    for minute in (5, 6):
        await append(desk.stores, *times[6 * minute : 6 * minute + 6])
        await drained(worker)
        await worker.save()
        await desk.look(after_s=3)
        assert max(await desk.verdicts()) == minute - 1


async def test_a_minute_without_trades_is_exact_where_the_venue_tells_none_either():
    desk = await ready(tape([0, 1, 4, 5]))
    await desk.look()
    assert await desk.verdicts() == dict.fromkeys(range(5), EXACT)
    assert (await desk.said())[2].ours == {}


async def test_a_minute_is_compared_when_it_is_as_old_as_the_delay_and_not_before():
    desk = await ready(tape(range(5)), reconcile_delay_s=30)
    desk.clock.at = START + 3 * MINUTE + 29 * S
    await desk.look()
    assert await desk.verdicts() == dict.fromkeys(range(2), EXACT)
    await desk.look(after_s=1)
    assert await desk.verdicts() == dict.fromkeys(range(3), EXACT)


async def test_a_falsified_kline_is_a_mismatch_and_the_trades_asked_for_again_are_ours():
    desk = await ready(tape(range(5)))
    desk.exchange.wrong[START + 2 * MINUTE] = {"volume": "99", "count": "7"}
    await desk.look()
    assert await desk.verdicts() == dict.fromkeys(range(4), EXACT) | {2: MISMATCH}
    record = (await desk.said())[2]
    assert record.fields == ("volume", "count")
    assert record.theirs["volume"] == "99"
    assert record.refetched == record.ours
    assert "the venue's trades are ours" in record.note
    assert desk.exchange.refetched == [12]


async def test_of_trades_asked_for_again_only_those_of_the_minute_make_its_bar():
    # By id it lies in the third minute, by match time in the second one.
    times = [
        trade(13, START + 2 * MINUTE - S, price=500_000) if one.id == 13 else one
        for one in tape(range(5))
    ]
    desk = await ready(times)
    desk.exchange.wrong[START + 2 * MINUTE] = {"volume": "99"}
    await desk.look()
    record = (await desk.said())[2]
    assert record.fields == ("volume",)
    assert record.refetched == record.ours


async def test_empty_minutes_at_the_end_of_the_reach_are_compared_too():
    desk = await ready(tape([0, 8, 9]), reconcile_back_minutes=6)
    await desk.look()
    assert await desk.verdicts() == dict.fromkeys(range(4, 9), EXACT)


async def test_trades_that_we_had_otherwise_make_the_venues_kline_when_asked_for_again():
    theirs = tape(range(5))
    ours = [trade(13, theirs[13].exchange_time, price=599_000) if t.id == 13 else t for t in theirs]
    desk = await ready(ours, theirs)
    await desk.look()
    record = (await desk.said())[2]
    assert record.verdict is MISMATCH
    assert record.refetched != record.ours
    assert record.refetched == record.theirs
    assert "make its kline" in record.note


async def test_a_minute_of_which_trades_are_missing_is_a_mismatch_that_is_not_asked_for_again():
    theirs = tape(range(5))
    desk = await ready([one for one in theirs if one.id != 13], theirs)
    await desk.look()
    record = (await desk.said())[2]
    assert (record.verdict, record.refetched) == (MISMATCH, None)
    assert "missing" in record.note
    assert desk.exchange.refetched == []


async def test_a_bar_that_is_revised_is_compared_again():
    theirs = tape(range(5))
    desk = await ready([one for one in theirs if one.id != 13], theirs)
    await desk.look()
    await append(desk.stores, theirs[13])
    worker = await started(desk.stores)
    await drained(worker)
    await worker.save()
    await desk.look(after_s=120)
    record = (await desk.said())[2]
    assert (record.verdict, record.bar_revision, record.revision) == (EXACT, 1, 1)


async def test_a_venue_that_corrects_its_kline_makes_a_new_revision():
    desk = await ready(tape(range(5)))
    desk.exchange.wrong[START + MINUTE] = {"close": "1"}
    await desk.look()
    await desk.look(after_s=120)
    # The same said again is no revision, and the trades are asked for once.
    assert (await desk.said())[1].revision == 0
    assert desk.exchange.refetched == [6]
    desk.exchange.wrong.clear()
    await desk.look(after_s=120)
    record = (await desk.said())[1]
    assert (record.verdict, record.revision) == (EXACT, 1)


async def test_a_venue_that_is_away_leaves_minutes_pending_and_then_unavailable_never_exact():
    desk = await ready(tape(range(5)), reconcile_patience_s=100)
    desk.exchange.error = VenueError("away")
    assert await desk.look() == "away"
    await desk.look(after_s=99)
    assert await desk.verdicts() == {}
    assert (await desk.counts())["pending"] == 4
    await desk.look(after_s=1)
    assert await desk.verdicts() == dict.fromkeys(range(4), UNAVAILABLE)
    assert (await desk.said())[0].note == "away"
    assert (await desk.counts())["pending"] == 0


async def test_a_venue_that_comes_back_is_asked_for_what_was_unavailable():
    desk = await ready(tape(range(5)), reconcile_patience_s=0)
    desk.exchange.error = VenueError("away")
    await desk.look()
    assert await desk.verdicts() == dict.fromkeys(range(4), UNAVAILABLE)
    desk.exchange.error = None
    assert await desk.look(after_s=119) == ""
    await desk.look(after_s=1)
    assert await desk.verdicts() == dict.fromkeys(range(4), EXACT)
    assert {one.revision for one in (await desk.said()).values()} == {1}


async def test_a_kline_that_the_venue_does_not_tell_is_waited_for_alone():
    desk = await ready(tape(range(5)), reconcile_patience_s=60)
    desk.exchange.silent.add(START + 2 * MINUTE)
    await desk.look()
    assert await desk.verdicts() == {0: EXACT, 1: EXACT, 3: EXACT}
    await desk.look(after_s=2)
    assert desk.exchange.asked == [(0, 4), (2, 3)]
    await desk.look(after_s=60)
    assert (await desk.said())[2].note == "the venue tells no kline of it"
    assert (await desk.verdicts())[2] is UNAVAILABLE


async def test_a_first_start_asks_for_the_newest_minutes_first_and_no_further_back_than_it_may():
    desk = await ready(tape(range(100), every=30), reconcile_back_minutes=90)
    desk.clock.at = START + 200 * MINUTE
    await desk.look()
    assert sorted(await desk.verdicts()) == list(range(39, 99))
    await desk.look()
    assert sorted(await desk.verdicts()) == list(range(10, 99))
    await desk.look()
    assert desk.exchange.asked == [(39, 99), (10, 39)]


async def test_a_restart_compares_only_what_was_not_compared():
    desk = await ready(tape(range(5)))
    await desk.look()
    again = Desk(desk.stores, desk.exchange)
    await again.look()
    assert desk.exchange.asked == [(0, 4)]


async def test_markets_that_are_not_ours_are_left_alone():
    desk = await ready(tape(range(5)))
    desk.markets = [(Venue.BYBIT_SPOT, "BTCUSDT")]
    assert await desk.look() == ""
    assert desk.exchange.asked == []
    desk.markets = [(VENUE, "BTCUSDT"), (VENUE, "NOTHING")]
    await desk.look()
    assert desk.exchange.asked == [(0, 4)]


async def test_one_refusal_is_enough_for_all_markets_of_a_venue():
    desk = await ready(tape(range(5)), reconcile_patience_s=0)
    eth = msgspec.structs.replace(BTC, symbol="ETHUSDT")
    bars = [Aggregate(eth, Timeframe.M1, START + at * MINUTE) for at in range(2)]
    for bar in bars:
        bar.add(msgspec.structs.replace(trade(bar.start, bar.start), instrument=eth))
        bar.final = True
    await desk.stores.aggregates.save(bars)
    desk.markets.append((VENUE, "ETHUSDT"))
    desk.exchange.error = VenueBusyError("later", 60)
    assert await desk.look() == "later"
    assert len(desk.exchange.asked) == 1
    told_of = await desk.stores.reconciliations.find(VENUE, "ETHUSDT", 0, 1 << 62)
    assert [one.verdict for one in told_of] == [UNAVAILABLE] * 2


class Away:
    """A repository that cannot save for now."""

    def __init__(self, kept: ReconciliationRepository) -> None:
        self._kept = kept

    def __getattr__(self, name: str) -> object:
        """Do everything else as the repository inside."""
        return getattr(self._kept, name)

    async def save(self, records: Sequence[Reconciled]) -> None:
        """Refuse."""
        del records
        msg = "away"
        raise StorageError(msg)


async def test_what_cannot_be_stored_is_compared_again():
    desk = await ready(tape(range(5)))
    kept = desk.stores.reconciliations
    desk.reconciling = Desk(
        msgspec.structs.replace(desk.stores, reconciliations=Away(kept)), desk.exchange
    ).reconciling
    with pytest.raises(StorageError):
        await desk.look()
    assert desk.reconciling.tally == Counter()
    again = Desk(desk.stores, desk.exchange)
    await again.look()
    assert await again.verdicts() == dict.fromkeys(range(4), EXACT)


async def test_verdicts_are_counted():
    desk = await ready(tape(range(5)))
    desk.exchange.wrong[START + MINUTE] = {"close": "1"}
    desk.exchange.silent.add(START + 3 * MINUTE)
    await desk.look()
    counts = await desk.counts()
    assert {name: counts[name] for name in ("compared", "exact", "mismatch", "pending")} == {
        "compared": 3,
        "exact": 2,
        "mismatch": 1,
        "pending": 1,
    }
    assert (await desk.reconciling.pulse()).ok
