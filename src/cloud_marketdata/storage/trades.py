"""Raw trades by match time, for every backend whose log is a TimedLog.

Entries are read in pages that grow, and reading stops as soon as no later entry can hold a trade
that belongs into the answer. Trades that came late therefore stand where their match time says.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.domain.profile import VolumeProfile, merge
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.storage.ports import Batch, Stream, StreamKind
from cloud_marketdata.storage.timed import Mark, TimedLog, TimedRecord

_FIRST_PAGE = 8
_LARGEST_PAGE = 128


class LoggedTrades:
    """TradeRepository over the log."""

    def __init__(self, log: TimedLog) -> None:
        self._log = log

    async def save(self, trade: TradeEvent) -> None:
        """Append one trade to the log."""
        instrument = trade.instrument
        stream = Stream(instrument.venue, instrument.symbol, StreamKind.TRADES)
        await self._log.append([Batch(stream, [trade])])

    async def find_by_range(
        self, venue: Venue, symbol: str, start: int, end: int, *, limit: int, newest: bool = False
    ) -> list[TradeEvent]:
        """Return the first trades of the range, or with `newest` the last ones, ascending."""
        found: list[TradeEvent] = []
        if limit < 1:
            return found
        async with aclosing(self._records(venue, symbol, start, end, newest=newest)) as records:
            async for record in records:
                if len(found) >= limit:
                    found = _best(found, limit, newest=newest)
                    if _complete(found, record, newest=newest):
                        break
                found += _within(record, start, end)
        return _best(found, limit, newest=newest)

    async def aggregate_by_price(
        self, venue: Venue, symbol: str, start: int, end: int
    ) -> VolumeProfile | None:
        """Return the one-tick profile of the raw trades, or None without trades.

        Trades away from the book are trades, but count into no row, as everywhere.
        """
        profiles: dict[Instrument, VolumeProfile] = {}
        async with aclosing(self._records(venue, symbol, start, end, newest=False)) as records:
            async for record in records:
                for trade in _within(record, start, end):
                    profile = profiles.get(trade.instrument)
                    if profile is None:
                        profile = VolumeProfile(trade.instrument.scale)
                        profiles[trade.instrument] = profile
                    if trade.in_bars:
                        profile.add(trade)
        return merge(profiles.values()) if profiles else None

    async def _records(
        self, venue: Venue, symbol: str, start: int, end: int, *, newest: bool
    ) -> AsyncGenerator[TimedRecord, None]:
        stream = Stream(venue, symbol, StreamKind.TRADES)
        size = _FIRST_PAGE
        after: Mark | None = None
        while True:
            page = await self._log.overlapping(
                stream, start, end, limit=size, newest=newest, after=after
            )
            for record in page:
                yield record
            if len(page) < size:
                return
            after = page[-1].mark(newest=newest)
            size = min(size * 2, _LARGEST_PAGE)


def _within(record: TimedRecord, start: int, end: int) -> list[TradeEvent]:
    return [
        event
        for event in record.events
        if isinstance(event, TradeEvent) and start <= event.exchange_time < end
    ]


def _best(trades: list[TradeEvent], limit: int, *, newest: bool) -> list[TradeEvent]:
    """Return the `limit` first or last trades, ascending."""
    trades.sort(key=_order)
    return trades[-limit:] if newest else trades[:limit]


def _order(trade: TradeEvent) -> tuple[int, int]:
    return trade.exchange_time, trade.sequence


def _complete(best: list[TradeEvent], coming: TimedRecord, *, newest: bool) -> bool:
    """Whether neither the coming record nor any after it can hold a better trade."""
    if newest:
        return best[0].exchange_time > coming.last
    return best[-1].exchange_time < coming.first
