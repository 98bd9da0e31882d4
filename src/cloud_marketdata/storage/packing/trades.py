"""Trades as ten columns; the sequence is left out where it repeats the id, as on Binance."""

from collections.abc import Sequence

from msgspec import Struct

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
    # One pass a column: rows as tuples would cost twice the time and wake the garbage collector.
    ids = [trade.id for trade in trades]
    sequences = [trade.sequence for trade in trades]
    return TradeBlock(
        runs=pack_runs([trade.instrument for trade in trades]),
        ids=pack_ids(ids),
        price=pack_ints([trade.price for trade in trades]),
        size=pack_ints([trade.size for trade in trades]),
        side=bytes([trade.side is _SELL for trade in trades]),
        exchange_time=pack_ints([trade.exchange_time for trade in trades]),
        received_at=pack_ints([trade.received_at for trade in trades]),
        sequence=None if sequences == ids else pack_ints(sequences),
        fills=pack_ints([trade.fills for trade in trades]),
        flags=pack_ints([trade.flags for trade in trades]),
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
