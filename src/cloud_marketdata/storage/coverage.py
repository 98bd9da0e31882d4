"""Reads a market's coverage ledger as it is now: what is saved, and what the log holds behind it.

A worker saves the ledger with its aggregates; between two saves the log is ahead. Whoever folds the
same log behind the same positions sees the same ledger, so readers need not wait for the worker.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.domain.coverage import Covered
from cloud_marketdata.domain.events import StatusEvent, TradeEvent
from cloud_marketdata.domain.ledger import Ledger
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.storage.ports import EventLog, Record, Stores, Stream, StreamKind

_PAGE = 200
_TRIES = 8


async def read_ledger(stores: Stores, venue: Venue, symbol: str) -> Ledger:
    """Return the ledger with all that the log holds now, to tell of what is open.

    That is what a collector asks for when it starts: the holes that it may fill. A save in between
    may have trimmed what was to be folded, which would look like a hole; then it is read again.
    Raises StorageError where that happens again and again.
    """
    for _ in range(_TRIES):
        kept = await stores.coverage.find(venue, symbol, 0, 0)
        ledger = Ledger(venue, symbol, kept)
        await fold_facts(stores.log, ledger)
        await fold_trades(stores.log, ledger)
        now = await stores.coverage.find(venue, symbol, 0, 0)
        if now.marks == kept.marks:
            return ledger
    msg = f"the ledger of {venue} {symbol} changes faster than it can be read"
    raise StorageError(msg)


async def saved_ledger(
    stores: Stores, venue: Venue, symbol: str, start: int, end: int, covered: Covered | None = None
) -> Ledger:
    """Return the ledger of [start, end) with the facts of the log, but without its young trades.

    Whoever answers from those trades folds the very same ones, so that the ledger says of the
    answer neither more nor less than is true. With `covered` it tells of one stream alone.
    """
    kept = await stores.coverage.find(venue, symbol, start, end, covered)
    ledger = Ledger(venue, symbol, kept)
    await fold_facts(stores.log, ledger)
    return ledger


async def fold_facts(log: EventLog, ledger: Ledger) -> None:
    """Fold the status facts that the log holds behind the ledger's position."""
    stream = Stream(ledger.venue, ledger.symbol, StreamKind.STATUS)
    async with aclosing(_behind(log, stream, ledger.status_at)) as records:
        async for position, events in records:
            ledger.fold_facts(position, [e for e in events if isinstance(e, StatusEvent)])


async def fold_trades(log: EventLog, ledger: Ledger) -> None:
    """Fold the trades that the log holds behind the ledger's position."""
    stream = Stream(ledger.venue, ledger.symbol, StreamKind.TRADES)
    async with aclosing(_behind(log, stream, ledger.trades_at)) as records:
        async for position, events in records:
            ledger.fold_trades(position, [e for e in events if isinstance(e, TradeEvent)])


async def _behind(log: EventLog, stream: Stream, after: int) -> AsyncGenerator[Record, None]:
    """Yield the entries behind a position up to the one that is the newest now.

    The end is fixed first, so a fast writer cannot keep the reader running.
    """
    last = await log.last(stream)
    until = last.position if last else 0
    while after < until:
        records = await log.read(stream, after=after, limit=_PAGE)
        if not records:
            return
        for record in records:
            if record.position <= until:
                yield record
        after = records[-1].position
