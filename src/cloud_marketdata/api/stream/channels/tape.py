"""Entries of a trades stream as clients get them: exactly the trade objects of REST.

They are msgspec structs, which encode many times faster than models; a test holds the two equal.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from msgspec import Struct

from cloud_marketdata.api.figures import price_text, size_text
from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.values import NS_PER_MS
from cloud_marketdata.storage.ports import Record

FRAME_TRADES: Final = 250
"""A frame is closed with the entry that reaches this number; an entry is never cut."""


class TradeOut(Struct, frozen=True):
    """One trade, field by field `api.schemas.Trade`."""

    id: int | str
    ts: int
    received_ts: int
    price: str
    size: str
    side: str
    fills: int
    in_bars: bool
    off_book: str | None


def trades_of(record: Record) -> Iterator[TradeEvent]:
    """Yield the trades of an entry."""
    return (event for event in record.events if isinstance(event, TradeEvent))


def trade_out(trade: TradeEvent) -> TradeOut:
    """Write one trade on its own instrument's scale."""
    scale, flags = trade.instrument.scale, trade.flags
    return TradeOut(
        id=trade.id,
        ts=trade.exchange_time // NS_PER_MS,
        received_ts=trade.received_at // NS_PER_MS,
        price=price_text(scale, trade.price),
        size=size_text(scale, trade.size),
        side=trade.side.value,
        fills=trade.fills,
        # Looking flags up is dear, and hardly any trade has one.
        in_bars=not flags or trade.in_bars,
        off_book=trade.off_book_kind if flags else None,
    )


def written(records: Iterable[Record]) -> list[TradeOut]:
    """Write the trades of some entries, in the order of the log."""
    return [trade_out(trade) for record in records for trade in trades_of(record)]


def portions(records: Sequence[Record]) -> Iterator[list[Record]]:
    """Cut a run of entries into what fits one frame each."""
    portion: list[Record] = []
    trades = 0
    for record in records:
        portion.append(record)
        trades += len(record.events)
        if trades >= FRAME_TRADES:
            yield portion
            portion, trades = [], 0
    if portion:
        yield portion


def received(record: Record) -> int:
    """Return when the last trade of an entry was received, in ns."""
    return max((trade.received_at for trade in trades_of(record)), default=0)
