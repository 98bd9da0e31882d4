"""The published top of a book, as stores and caches keep it."""

from itertools import islice

import msgspec

from cloud_marketdata.storage.packing.books import Levels, pack_levels, unpack_levels
from cloud_marketdata.storage.packing.envelope import (
    pack_instrument,
    reading,
    seal,
    unpack_instrument,
    unseal,
)
from cloud_marketdata.storage.ports import BookState, BookView


class ViewBlock(msgspec.Struct, tag="view", array_like=True):
    """A book view; the first `bids` of `levels` are the bids, the rest the asks."""

    instrument: bytes
    state: BookState
    update_id: int
    exchange_time: int
    received_at: int
    bids: int
    levels: Levels
    reason: str
    vouched_at: int


_decoder = msgspec.msgpack.Decoder(ViewBlock)


def pack_view(view: BookView) -> bytes:
    """Encode a view; equal views of one instrument give equal bytes."""
    return seal(
        ViewBlock(
            instrument=pack_instrument(view.instrument),
            state=view.state,
            update_id=view.update_id,
            exchange_time=view.exchange_time,
            received_at=view.received_at,
            bids=len(view.bids),
            levels=pack_levels(view.bids + view.asks),
            reason=view.reason,
            vouched_at=view.vouched_at,
        )
    )


def unpack_view(data: bytes) -> BookView:
    """Decode what `pack_view` wrote; raises StorageError on an unknown version or damage."""
    block = unseal(data, _decoder)
    with reading():
        levels = unpack_levels(block.levels)
        return BookView(
            instrument=unpack_instrument(block.instrument),
            state=block.state,
            update_id=block.update_id,
            exchange_time=block.exchange_time,
            received_at=block.received_at,
            bids=tuple(islice(levels, block.bids)),
            asks=tuple(levels),
            reason=block.reason,
            vouched_at=block.vouched_at,
        )
