"""Trades as ten columns; the sequence is left out where it repeats the id, as on Binance."""

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import astuple

from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.values import Side
from cloud_marketdata.storage.packing.columns import (
    IdColumn,
    IntColumn,
    pack_ids,
    pack_ints,
    unpack_ids,
    unpack_ints,
)
from cloud_marketdata.storage.packing.envelope import Runs, pack_runs, unpack_runs

# The place of a side in this tuple is its byte in the block.
_SIDES = (Side.BUY, Side.SELL)
_SELL = Side.SELL


class TradeBlock(Struct, tag="trades", array_like=True):
    """Columns of a batch of trades; `sequence` is None where it equals the ids."""

    runs: Runs
    ids: IdColumn
    price: IntColumn
    size: IntColumn
    side: bytes
    exchange_time: IntColumn
    received_at: IntColumn
    sequence: IntColumn | None
    fills: IntColumn
    flags: IntColumn


def pack_trades(trades: Sequence[TradeEvent]) -> TradeBlock:
    """Turn at least one trade into columns."""
    columns = zip(*map(astuple, trades), strict=True)
    instruments, ids, prices, sizes, sides, times, received, sequences, fills, flags = columns
    return TradeBlock(
        runs=pack_runs(instruments),
        ids=pack_ids(ids),
        price=pack_ints(prices),
        size=pack_ints(sizes),
        side=bytes([side is _SELL for side in sides]),
        exchange_time=pack_ints(times),
        received_at=pack_ints(received),
        sequence=None if sequences == ids else pack_ints(sequences),
        fills=pack_ints(fills),
        flags=pack_ints(flags),
    )


def unpack_trades(block: TradeBlock) -> list[TradeEvent]:
    """Turn columns into trades; raises ValueError or IndexError where they do not fit together."""
    count = len(block.side)
    ids = unpack_ids(block.ids, count)
    sequences = ids if block.sequence is None else unpack_ints(block.sequence, count)
    return list(
        map(
            TradeEvent,
            unpack_runs(block.runs, count),
            ids,
            unpack_ints(block.price, count),
            unpack_ints(block.size, count),
            map(_SIDES.__getitem__, block.side),
            unpack_ints(block.exchange_time, count),
            unpack_ints(block.received_at, count),
            sequences,
            unpack_ints(block.fills, count),
            unpack_ints(block.flags, count),
        )
    )
