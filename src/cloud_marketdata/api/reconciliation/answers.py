"""Answers which of a market's minutes equal the venue's klines, in pages by their start."""

from datetime import timedelta
from typing import Final

from msgspec.structs import replace

from cloud_marketdata.api import cursors
from cloud_marketdata.api.completeness import judged
from cloud_marketdata.api.coverages import known_until, read_known
from cloud_marketdata.api.cursors import Cursor
from cloud_marketdata.api.known import KnownMarkets
from cloud_marketdata.api.metas import meta_of
from cloud_marketdata.api.reconciliation.questions import MOST_MINUTES, ReconciliationQuestion
from cloud_marketdata.api.reconciliation.schemas import MinuteVerdict, ReconciliationAnswer
from cloud_marketdata.api.reconciliation.standing import standing
from cloud_marketdata.api.times import TimeRange, asked_range
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.errors import LimitError
from cloud_marketdata.domain.coverage import Covered
from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.domain.klines import RULES, KlineRule
from cloud_marketdata.domain.quality import Quality
from cloud_marketdata.domain.values import Timeframe
from cloud_marketdata.storage.ports import Stores

_LONGEST: Final = timedelta(days=366)
_OPENS: Final = {True: "close of the minute before", False: "first trade"}


class ReconciliationDesk:
    """Answers about verdicts; `lateness` in ns is how long after its end a minute may change."""

    def __init__(self, stores: Stores, known: KnownMarkets, clock: Clock, lateness: int) -> None:
        self._stores = stores
        self._known = known
        self._clock = clock
        self._lateness = lateness

    async def answer(self, question: ReconciliationQuestion) -> ReconciliationAnswer:
        """Return a page of the minutes that overlap a range and were compared.

        Raises UnknownMarketError, BadTimeError, LimitError or BadCursorError.
        """
        instrument = await self._known.find(question)
        _within(question.limit)
        asked = self._asked(question)
        at = (instrument.venue, instrument.symbol)
        span = asked.widened(Timeframe.M1)
        # A page is so many minutes of time, whether they were compared or not.
        last = min(span.end, span.start + question.limit * Timeframe.M1.ns)
        found = await self._stores.reconciliations.find(*at, span.start, last)
        answered = TimeRange(asked.start, min(asked.end, last))
        more = last < span.end
        following = Cursor(_identity(question), asked.end, last, 0) if more else None
        meta = meta_of(
            await self._quality(instrument, answered),
            method=_method(RULES[instrument.venue.exchange]),
            resolution=(Timeframe.M1.value,),
            answered=answered,
            next_cursor=cursors.encode(following) if following else None,
        )
        return ReconciliationAnswer(data=[MinuteVerdict.of(one) for one in found], meta=meta)

    def _asked(self, question: ReconciliationQuestion) -> TimeRange:
        if question.cursor is None:
            now = self._clock.now()
            return asked_range(question.start, question.end, now, longest=_LONGEST)
        cursor = cursors.decode(question.cursor, _identity(question))
        return TimeRange(cursor.time, cursor.time if cursor.end is None else cursor.end)

    async def _quality(self, instrument: Instrument, answered: TimeRange) -> Quality:
        now = self._clock.now()
        at = (instrument.venue, instrument.symbol)
        known, _ = await read_known(self._stores, instrument, answered, Covered.TRADES)
        until = known_until(known, answered)
        quality = judged(instrument.venue, answered, known, until, now)
        verdict = await standing(self._stores, at, answered, now - self._lateness)
        return replace(quality, reconciled=verdict.value)


def _identity(question: ReconciliationQuestion) -> str:
    return f"reconciliation|{question.venue}|{question.symbol}"


def _within(limit: int) -> None:
    if not 1 <= limit <= MOST_MINUTES:
        msg = f"limit must be between 1 and {MOST_MINUTES}, not {limit}"
        raise LimitError(msg)


def _method(rule: KlineRule) -> dict[str, str | int]:
    return {
        "fields": ",".join(rule.fields),
        "open": _OPENS[rule.opens_at_close],
        "settled": rule.settled,
    }
