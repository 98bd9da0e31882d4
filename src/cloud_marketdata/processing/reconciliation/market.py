"""One market's minutes: which wait to be compared, what is said of them, and what was said before.

A minute waits from the moment it is closed and a little old until the venue has told its kline, or
until that has taken too long. All minutes of the reach are looked at again now and then: a bar may
have been revised, and a venue that was away may have come back.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.errors import VenueError
from cloud_marketdata.domain.coverage import PROVEN, CoverageState, Covered, partition
from cloud_marketdata.domain.reconciled import Reconciled, Verdict
from cloud_marketdata.domain.signal import Subject
from cloud_marketdata.domain.values import NS_PER_S, Timeframe, Venue
from cloud_marketdata.processing.detectors.kline_mismatch import mismatch_signal
from cloud_marketdata.processing.reconciliation.minutes import MINUTE, Minute, closed_minutes
from cloud_marketdata.processing.reconciliation.ports import KlineAnswers
from cloud_marketdata.processing.reconciliation.verdicts import (
    compared,
    following,
    noted,
    refetched,
    unavailable,
)
from cloud_marketdata.storage.coverage import saved_ledger
from cloud_marketdata.storage.ports import Stores

_PAGE: Final = 60
"""Minutes of one question; every venue tells as many in its cheapest answer."""
_LOOK_AGAIN_S: Final = 120.0
_FEARED: Final = frozenset({CoverageState.UNKNOWN, CoverageState.MISSING})


class Manners(Struct, frozen=True):
    """How far back minutes are compared, how old they must be, and how long they may wait."""

    back_ns: int
    delay_ns: int
    patience_s: float

    @classmethod
    def of(cls, settings: Settings) -> "Manners":
        """Return what the settings say."""
        return cls(
            back_ns=settings.reconcile_back_minutes * MINUTE,
            delay_ns=int(settings.reconcile_delay_s * NS_PER_S),
            patience_s=settings.reconcile_patience_s,
        )


class MarketMinutes:
    """The minutes of one market; `waiting` are those that have no verdict, by their start."""

    def __init__(
        self,
        market: tuple[Venue, str],
        stores: Stores,
        manners: Manners,
        clock: Clock,
        tally: Counter[Verdict],
    ) -> None:
        self.market = market
        self.waiting: dict[int, float] = {}
        self._stores = stores
        self._manners = manners
        self._clock = clock
        self._tally = tally
        self._known: dict[int, Reconciled] = {}
        self._since = 0
        self._again_at = float("-inf")

    async def due(self) -> Sequence[Minute]:
        """Return the minutes that are to be compared now, ascending; raises StorageError."""
        bounds = await self._stores.aggregates.bounds(*self.market, Timeframe.M1)
        if bounds is None:
            return ()
        oldest = max(bounds[0], bounds[1] + MINUTE - self._manners.back_ns)
        again = self._clock.monotonic() >= self._again_at
        if again:
            await self._look_back(oldest, bounds[1])
        elif not self.waiting and self._since >= bounds[1]:
            # All that is behind the newest minute has its verdict.
            return ()
        since = oldest if again else max(oldest, self._since)
        minutes = await self._closed(since, bounds[1])
        found = [minute for minute in minutes if self._wants(minute, again=again)]
        self._note_waiting(found)
        ends = [minute.end for minute in minutes]
        self._since = min(self.waiting, default=max(ends, default=since))
        return found

    async def compare(self, answers: KlineAnswers, due: Sequence[Minute]) -> None:
        """Ask for the newest page of minutes and keep what it says; raises VenueError."""
        page = [minute for minute in due if minute.start > due[-1].start - _PAGE * MINUTE]
        klines = await answers.klines(self.market[1], page[0].start, page[-1].end)
        told = {kline.start: kline for kline in klines}
        records = []
        for minute in page:
            kline = told.get(minute.start)
            if kline is not None:
                record = compared(self.market, minute, kline, self._clock.now())
                records.append(await self._doubted(answers, minute, record))
        await self._keep(records)
        missing = [minute for minute in page if minute.start not in told]
        await self.give_up(missing, "the venue tells no kline of it")

    async def give_up(self, due: Sequence[Minute], why: str) -> None:
        """Call those of the minutes unavailable that have waited for too long."""
        limit = self._clock.monotonic() - self._manners.patience_s
        now = self._clock.now()
        overdue = [one for one in due if self.waiting.get(one.start, limit + 1) <= limit]
        await self._keep([unavailable(self.market, one, why, now) for one in overdue])

    async def _look_back(self, oldest: int, newest: int) -> None:
        """Read what was said of the minutes in reach."""
        kept = self._stores.reconciliations
        records = await kept.find(*self.market, oldest, newest + MINUTE)
        self._known = {record.start: record for record in records}
        self._again_at = self._clock.monotonic() + _LOOK_AGAIN_S

    async def _closed(self, since: int, newest: int) -> Sequence[Minute]:
        buckets = await self._stores.aggregates.find_by_range(
            *self.market, Timeframe.M1, since - MINUTE, newest + 1
        )
        return closed_minutes(buckets, since, self._clock.now() - self._manners.delay_ns)

    def _wants(self, minute: Minute, *, again: bool) -> bool:
        """Whether nothing is said of a minute as it is now; `again`: nor that it is exact."""
        known = self._known.get(minute.start)
        doubted = known is not None and known.verdict is not Verdict.EXACT
        return self._unsaid(minute) or (again and doubted)

    def _note_waiting(self, found: Sequence[Minute]) -> None:
        now = self._clock.monotonic()
        unsaid = [one.start for one in found if self._unsaid(one)]
        self.waiting = {start: self.waiting.get(start, now) for start in unsaid}

    def _unsaid(self, minute: Minute) -> bool:
        known = self._known.get(minute.start)
        return known is None or known.ours != minute.ours

    async def _doubted(
        self, answers: KlineAnswers, minute: Minute, record: Reconciled
    ) -> Reconciled:
        """Have a mismatch explained by the venue's own trades, where they can be asked for."""
        if record.verdict is Verdict.EXACT or not record.venue.contiguous_ids:
            return record
        known = self._known.get(minute.start)
        if known and known.refetched and (known.ours, known.theirs) == (record.ours, record.theirs):
            return replace(record, refetched=known.refetched, note=known.note)
        if minute.bucket is None or minute.bucket.span is None:
            return noted(record, "we have no trade from which to ask again")
        if not await self._whole(minute):
            return noted(record, "trades of it are missing, or must be feared to be")
        try:
            span = minute.bucket.span
            trades = await answers.trades(minute.bucket.instrument, span.low, minute.end)
        except VenueError as error:
            return noted(record, f"the trades could not be asked for again: {error}")
        return refetched(record, minute, trades)

    async def _whole(self, minute: Minute) -> bool:
        """Whether the ledger knows of no trade that is missing in a minute."""
        return all(state in PROVEN for state in await self._states(minute.start))

    async def _unfeared(self, record: Reconciled) -> bool:
        """Whether no loss must be feared in a minute, be it proven or only likely (Bybit)."""
        return not _FEARED & set(await self._states(record.start))

    async def _states(self, start: int) -> list[CoverageState]:
        at = (start, start + MINUTE)
        ledger = await saved_ledger(self._stores, *self.market, *at, Covered.TRADES)
        return [piece.state for piece in partition(ledger.intervals(Covered.TRADES), *at)]

    def _news(self, record: Reconciled) -> bool:
        """Whether a record is a mismatch, or finds exact what was one before."""
        known = self._known.get(record.start)
        was = known is not None and known.verdict is Verdict.MISMATCH
        return record.verdict is Verdict.MISMATCH or (was and record.verdict is Verdict.EXACT)

    async def _tell(self, records: Sequence[Reconciled]) -> None:
        instrument = await self._stores.instruments.find(*self.market) if records else None
        if instrument is not None:
            told = [
                mismatch_signal(one, instrument, whole=await self._unfeared(one)) for one in records
            ]
            await self._stores.flow.tell(Subject.market(*self.market), told)

    async def _keep(self, records: Sequence[Reconciled]) -> None:
        told = [following(self._known.get(record.start), record) for record in records]
        fresh = [record for record in told if record is not None]
        if fresh:
            await self._stores.reconciliations.save(fresh)
            await self._tell([one for one in fresh if self._news(one)])
        self._tally.update(record.verdict for record in fresh)
        self._known.update((record.start, record) for record in fresh)
        for record in records:
            self.waiting.pop(record.start, None)
