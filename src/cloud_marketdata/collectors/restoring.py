"""What a restart must know of a stored tape: its end, and the trades that it lacks.

Both come from the log and the ledger, never from memory: what was missing when the process ended is
asked for again, and the trades of the last minutes are known as repeats.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from cloud_marketdata.collectors.tapes.gaps import TradeGap, feared
from cloud_marketdata.collectors.tapes.tape import IDS_MAX, REMEMBERED_NS, Restored, TapeEnd
from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.ledger import Hole, Ledger
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.storage.coverage import read_ledger
from cloud_marketdata.storage.ports import Stores

_EVER: Final = 1 << 62
# Ids need not be quite in the order of time; the highest is among these.
_END: Final = 1_000


class StoredTape(NamedTuple):
    """A tape to go on with, and the gaps to ask for again.

    vouched_at: when a collector last said that the book was in sync, in ns; 0 where it was not.
    """

    tape: Restored
    gaps: list[TradeGap]
    vouched_at: int = 0


async def restored(stores: Stores, venue: Venue, symbol: str) -> StoredTape:
    """Read what is stored of a symbol's tape; raises StorageError."""
    # Not the log's last entry: that one may hold old trades which were filled in.
    ended = await _newest(stores, venue, symbol, 0, _END)
    if venue.contiguous_ids:
        ledger = await read_ledger(stores, venue, symbol)
        return _by_ids(ended, ledger)._replace(vouched_at=ledger.book_until)
    if not ended:
        return StoredTape(Restored(), [])
    since = ended[-1].exchange_time - REMEMBERED_NS
    recent = await _newest(stores, venue, symbol, since, IDS_MAX)
    ledger = await read_ledger(stores, venue, symbol)
    return StoredTape(Restored(recent=recent), _open(recent, ledger), ledger.book_until)


def _open(recent: Sequence[TradeEvent], ledger: Ledger) -> list[TradeGap]:
    """Return the gaps between recent trades that a collector told of and did not live to fill.

    One with a trade in it is left alone: REST may number its trades unlike the stream, and what is
    there already could not be told from what is missing.
    """
    ends = ledger.feared()
    return [
        feared(last, first)
        for last, first in pairwise(recent)
        if ends.get(str(last.id)) == first.exchange_time
    ]


def _by_ids(ended: Sequence[TradeEvent], ledger: Ledger) -> StoredTape:
    ends = [(trade.sequence, trade.exchange_time) for trade in ended]
    if ledger.newest:
        # What the log has lost is inside the aggregates: asking for it would count it twice.
        ends.append(ledger.newest)
    holes = ledger.missing()
    end = TapeEnd(*max(ends)) if ends else None
    return StoredTape(Restored(end, [hole.ids for hole in holes]), [_gap(hole) for hole in holes])


async def _newest(
    stores: Stores, venue: Venue, symbol: str, since: int, limit: int
) -> list[TradeEvent]:
    return await stores.trades.find_by_range(venue, symbol, since, _EVER, limit=limit, newest=True)


def _gap(hole: Hole) -> TradeGap:
    first, stop = hole.ids.start, hole.ids.stop
    # A range that a mad id made can be longer than `len` can tell.
    return TradeGap(first - 1, stop, stop - first, hole.start, hole.end)
