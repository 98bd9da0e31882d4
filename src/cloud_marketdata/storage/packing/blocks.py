"""One block per log entry: the events of a batch, in their order, as columns.

A batch is homogeneous, as a stream is: trades, or snapshots and deltas of books, or status facts.
Trades are the hot path. A mixture of kinds is a bug of the caller and raises ValueError.
"""

from collections.abc import Sequence

import msgspec

from cloud_marketdata.domain.events import (
    BookDelta,
    BookSnapshot,
    LogEvent,
    StatusEvent,
    TradeEvent,
)
from cloud_marketdata.storage.packing.books import BookBlock, pack_books, unpack_books
from cloud_marketdata.storage.packing.envelope import reading, seal, unseal
from cloud_marketdata.storage.packing.trades import TradeBlock, pack_trades, unpack_trades


class StatusBlock(msgspec.Struct, tag="status", array_like=True):
    """Status facts as JSON, which holds integers of any size in their details."""

    events: bytes


_decoder = msgspec.msgpack.Decoder(TradeBlock | BookBlock | StatusBlock)
_statuses = msgspec.json.Decoder(list[StatusEvent])


def pack_events(events: Sequence[LogEvent]) -> bytes:
    """Encode a batch of at least one event; raises ValueError on none or on mixed kinds."""
    kinds = set(map(type, events))
    if kinds == {TradeEvent}:
        return seal(pack_trades(events))  # type: ignore[arg-type]  # the line above looked
    if kinds and kinds <= {BookSnapshot, BookDelta}:
        return seal(pack_books(events))  # type: ignore[arg-type]  # the line above looked
    if kinds == {StatusEvent}:
        return seal(StatusBlock(msgspec.json.encode(events)))
    names = sorted(kind.__name__ for kind in kinds)
    msg = f"a batch holds events of one kind, not {names}"
    raise ValueError(msg)


def unpack_events(data: bytes) -> list[LogEvent]:
    """Decode what `pack_events` wrote; raises StorageError on an unknown version or damage."""
    block = unseal(data, _decoder)
    with reading():
        if isinstance(block, TradeBlock):
            return list(unpack_trades(block))
        if isinstance(block, BookBlock):
            return list(unpack_books(block))
        return list(_statuses.decode(block.events))
