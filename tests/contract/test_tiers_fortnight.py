"""Sixteen simulated days: every tier holds exactly what the brief says, at every hour of them.

A market that trades all the time, one that stops for days, and one that hears trades late; a cold
tier that is away for four days, and a service that is down for three.
"""

from datetime import UTC, date, datetime

import msgspec
import pytest
from fortnight import (
    D1,
    DAY,
    H1,
    HOUR,
    M1,
    MINUTE,
    S1,
    START,
    Expected,
    FarObjects,
    HeldClock,
    Tape,
    summed,
)

from cloud_marketdata.core.config import Settings
from cloud_marketdata.domain.values import NS_PER_S, Timeframe, Venue
from cloud_marketdata.processing.tally import Tally
from cloud_marketdata.processing.worker import Worker
from cloud_marketdata.storage.objects.days import days, find_day
from cloud_marketdata.storage.objects.verify import verify
from cloud_marketdata.storage.ports import Batch, Stores, Stream, StreamKind
from cloud_marketdata.storage.tiering.archived import Archived
from cloud_marketdata.storage.tiering.archiving import Archiving
from cloud_marketdata.storage.tiering.forgetting import Forgetting

pytestmark = pytest.mark.anyio
SETTINGS = Settings()
DAYS = 16
COLD_AWAY = range(5 * 24, 9 * 24)
DOWN = range(10 * 24 + 6, 13 * 24 + 6)
STOPPED = range(3 * 24 + 14, 9 * 24 + 2)
ALWAYS = ("binance-usdm", "BTCUSDT")
STOPS = ("binance-spot", "ETHUSDT")
LATE = ("bybit-linear", "XRPUSDT")


class Service:
    """What one process does for its markets, driven hour by hour."""

    def __init__(self, stores: Stores, clock: HeldClock, tapes: list[Tape], fence: int) -> None:
        archived = Archived()
        self.stores = stores
        self.forgetting = Forgetting(stores, SETTINGS, clock, archived)
        self.tally = Tally()
        self.workers = [
            Worker(_stream(tape), stores, clock, SETTINGS, fence=fence, tally=self.tally)
            for tape in tapes
        ]
        markets = [(_stream(tape).venue, _stream(tape).symbol) for tape in tapes]
        self.archiving = Archiving(stores, clock, archived, markets=lambda: markets, every_s=60)

    async def start(self) -> None:
        """Take up the markets where the stores have them."""
        for worker in self.workers:
            await worker.restore()

    async def work(self) -> None:
        """Fold, save, forget and archive until there is nothing left to do."""
        for worker in self.workers:
            await worker.finish()
            await self._forget(worker)
        before = self.archiving.saved
        await self.archiving.round()
        for worker in self.workers if self.archiving.saved > before else ():
            await self._forget(worker)

    async def _forget(self, worker: Worker) -> None:
        more, before = True, worker.windows.watermark
        while more:
            more = await worker.forget(self.forgetting.forget)
        if worker.windows.watermark > before:
            # Nobody waits for the market any more: what was open may go too.
            await worker.forget(self.forgetting.forget)


class Fortnight:
    """The venue's hours, and what was heard of them."""

    def __init__(self, stores: Stores) -> None:
        self.clock = HeldClock()
        self.cold = FarObjects(stores.objects)
        self.stores = msgspec.structs.replace(stores, objects=self.cold)
        self.tapes = [
            Tape(Venue(venue), symbol, seed)
            for seed, (venue, symbol) in enumerate((ALWAYS, STOPS, LATE))
        ]
        self.archived: dict[str, set[int]] = {tape.instrument.symbol: set() for tape in self.tapes}
        self.service = Service(self.stores, self.clock, self.tapes, fence=1)
        self._late: list = []

    async def hour(self, number: int, *, works: bool) -> None:
        """Let an hour pass, at whose end the service may have its turn."""
        start = START + number * HOUR
        self.clock.at = start + HOUR
        self.cold.away = number in COLD_AWAY
        down = number in DOWN
        for tape in self.tapes:
            symbol = tape.instrument.symbol
            many = {"BTCUSDT": 3, "ETHUSDT": 0 if number in STOPPED else 2, "XRPUSDT": 2}[symbol]
            fresh = tape.make(start, many)
            if not down:
                await self._append(tape, *self._heard(tape, fresh, number))
        if number == DOWN.stop:
            self.service = Service(self.stores, self.clock, self.tapes, fence=2)
            await self.service.start()
        if works and not down:
            await self.service.work()
            await self.check(number)

    def _heard(self, tape: Tape, fresh: list, number: int) -> tuple[list, list]:
        now = self.clock.now()
        if tape.instrument.symbol == "XRPUSDT":
            due = [one for one, at in self._late if at <= number]
            late = [one for one in fresh if one.sequence % 6 == 0]
            self._late = [pair for pair in self._late if pair[1] > number]
            self._late += [(one, number + 1 + one.sequence % 19) for one in late]
            return tape.hear([one for one in fresh if one not in late]), tape.hear(due, now)
        live = tape.hear(fresh)
        # A back-fill brings twelve hours of what is missing with every hour that passes.
        filled = [one for one in tape.unheard() if one not in fresh][:36]
        return live, tape.hear(filled, now)

    async def _append(self, tape: Tape, live: list, filled: list) -> None:
        batches = [Batch(_stream(tape), [one]) for one in live]
        if filled:
            batches.append(Batch(_stream(tape), filled))
        if batches:
            await self.stores.log.append(batches)

    async def check(self, number: int) -> None:
        """Hold every tier against what the brief says."""
        for tape in self.tapes:
            expected = Expected(tape, self.clock.now())
            archived = self.archived[tape.instrument.symbol]
            if number not in COLD_AWAY:
                archived |= expected.archivable()
                assert await self.objects(tape) == archived, number
            where = (number, tape.instrument.symbol)
            assert await self.starts(tape, S1) == expected.seconds(), where
            assert await self.starts(tape, M1) == expected.minutes(), where
            assert await self.starts(tape, H1) == expected.hours(archived), where
            assert await self.starts(tape, D1) == expected.days(archived), where
            await self.check_raw(tape)
            if number % 24 == 23:
                await self.check_contents(tape)
        waiting = {
            tape.instrument.symbol: Expected(tape, self.clock.now()).archivable()
            - self.archived[tape.instrument.symbol]
            for tape in self.tapes
        }
        pulse = await self.service.archiving.pulse()
        assert pulse.detail["waiting_days"] == sum(map(len, waiting.values())), number
        assert pulse.ok == (not any(waiting.values())), pulse
        assert (await self.service.forgetting.pulse()).ok
        assert self.service.tally["too_late"] == 0

    async def check_raw(self, tape: Tape) -> None:
        """The log has the last hour, and next to nothing besides."""
        young = self.clock.now() - 60 * MINUTE
        records = await self.stores.log.read(_stream(tape), limit=100_000)
        held = {event.id for record in records for event in record.events}
        assert {one.id for one in tape.heard if one.received_at >= young} <= held
        old = [r for r in records if max(event.received_at for event in r.events) < young]
        # The newest entry stays, and the one with the newest match time.
        assert len(old) <= 2

    async def check_contents(self, tape: Tape) -> None:
        """Every bucket of every tier says what the brute force over all trades says."""
        for timeframe in (S1, M1, H1, D1):
            truth = summed(tape.heard, timeframe)
            for found in await self.found(tape, timeframe):
                assert list(found.lines()) == list(truth[found.start].lines())
        if not self.cold.away:
            await self.check_cold(tape)

    async def check_cold(self, tape: Tape) -> None:
        """The days of the cold tier say what the brute force says."""
        truth = summed(tape.heard, D1)
        for start in await self.objects(tape):
            instrument = tape.instrument
            day = await find_day(self.cold, instrument.venue, instrument.symbol, _date(start))
            assert list(day.lines()) == list(truth[start].lines())

    async def objects(self, tape: Tape) -> set[int]:
        """Return the days that have an object."""
        found = await days(self.cold, tape.instrument.venue, tape.instrument.symbol)
        return {(day - date(1970, 1, 1)).days * DAY for day in found}

    async def found(self, tape: Tape, timeframe: Timeframe) -> list:
        """Return every bucket of the warm tier."""
        of = tape.instrument
        return await self.stores.aggregates.find_by_range(
            of.venue, of.symbol, timeframe, 0, 1 << 62
        )

    async def starts(self, tape: Tape, timeframe: Timeframe) -> set[int]:
        """Return where the buckets of the warm tier begin."""
        return {one.start for one in await self.found(tape, timeframe)}


def _stream(tape: Tape) -> Stream:
    return Stream(tape.instrument.venue, tape.instrument.symbol, StreamKind.TRADES)


def _date(start: int) -> date:
    return datetime.fromtimestamp(start // NS_PER_S, UTC).date()


async def test_every_tier_holds_what_the_brief_says_at_every_hour(stores, request):
    # Over sockets a turn takes a second, so there the service has one a day.
    every = 24 if "servers" in request.node.name else 1
    fortnight = Fortnight(stores)
    await fortnight.service.start()
    for number in range(DAYS * 24):
        await fortnight.hour(number, works=number % every == every - 1)

    always, stops, late = fortnight.tapes
    assert not always.unheard()
    assert not stops.unheard()
    assert late.unheard()
    await _check_that_nothing_is_missing(fortnight)
    await _check_the_cold_tier(fortnight)


async def _check_that_nothing_is_missing(fortnight: Fortnight) -> None:
    """Each trade is told once by the coarsest tier that has its time and no finer one has."""
    for tape in fortnight.tapes:
        cold = [
            await find_day(fortnight.cold, tape.instrument.venue, tape.instrument.symbol, day)
            for day in await days(fortnight.cold, tape.instrument.venue, tape.instrument.symbol)
        ]
        end = max(day.end for day in cold)
        warm = [hour for hour in await fortnight.found(tape, H1) if hour.start >= end]
        end = max(hour.end for hour in warm)
        young = [minute for minute in await fortnight.found(tape, M1) if minute.start >= end]
        parts = [*cold, *warm, *young]
        assert sum(part.span.trades for part in parts) == len(tape.heard)
        assert sum(part.bar.volume for part in parts) == sum(one.size for one in tape.heard)


async def _check_the_cold_tier(fortnight: Fortnight) -> None:
    last = _date(max(max(starts) for starts in fortnight.archived.values()))
    report = await verify(fortnight.cold, last, whole=True)
    assert not report.problems
    assert report.objects == 2 * sum(map(len, fortnight.archived.values()))

    [key] = [
        key
        for day, key in (await days(fortnight.cold, Venue.BINANCE_SPOT, "ETHUSDT")).items()
        if day == _date(START + 3 * DAY)
    ]
    fortnight.cold.flipped = (key, 777)
    report = await verify(fortnight.cold, last, whole=True)
    named = {problem.key for problem in report.problems}
    assert key in named
    # Its bars cannot be held against it any more; nothing else is suspected.
    assert all("/symbol=ETHUSDT/date=2024-08-11/" in each for each in named)
