"""What a restart must know of a stored tape: its end, and the trades that it lacks.

Both come from the log and the ledger, never from memory: the ids that were missing when the process
ended are asked for again, and the trades of the last minutes are known as repeats.
"""

from typing import Final, NamedTuple

from cloud_marketdata.collectors.gaps import TradeGap
from cloud_marketdata.collectors.tapes import IDS_MAX, REMEMBERED_NS, Restored
from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.ledger import Hole
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.storage.coverage import read_ledger
from cloud_marketdata.storage.ports import Stores, Stream, StreamKind

_EVER: Final = 1 << 62


class StoredTape(NamedTuple):
    """A tape to go on with, and the gaps to ask for again."""

    tape: Restored
    gaps: list[TradeGap]


async def restored(stores: Stores, venue: Venue, symbol: str) -> StoredTape:
    """Read what is stored of a symbol's tape; raises StorageError."""
    record = await stores.log.last(Stream(venue, symbol, StreamKind.TRADES))
    ended = [event for event in record.events if isinstance(event, TradeEvent)] if record else []
    if not ended:
        return StoredTape(Restored(), [])
    newest = max(ended, key=lambda trade: (trade.exchange_time, trade.sequence))
    if venue.contiguous_ids:
        newest = max(ended, key=lambda trade: trade.sequence)
        holes = (await read_ledger(stores, venue, symbol)).missing()
        gaps = [_gap(hole) for hole in holes]
        return StoredTape(Restored((newest,), [hole.ids for hole in holes]), gaps)
    since = newest.exchange_time - REMEMBERED_NS
    recent = await stores.trades.find_by_range(
        venue, symbol, since, _EVER, limit=IDS_MAX, newest=True
    )
    return StoredTape(Restored(recent), [])


def _gap(hole: Hole) -> TradeGap:
    return TradeGap(hole.ids.start - 1, hole.ids.stop, len(hole.ids), hole.start, hole.end)
