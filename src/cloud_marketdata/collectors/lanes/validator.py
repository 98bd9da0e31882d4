"""What a well-formed event must still satisfy. Pure: an event goes in, a reason or None comes out.

Schema, number and symbol are checked where the frame is decoded; repeats and holes by the tape.
"""

from typing import Final

from cloud_marketdata.domain.events import BookDelta, BookSnapshot, TradeEvent
from cloud_marketdata.domain.values import NS_PER_S

# The oldest trade any venue here can have made, and how far ahead of us its clock may run.
EPOCH: Final = 1_230_768_000 * NS_PER_S  # 2009-01-01, the genesis block's month
AHEAD: Final = 86_400 * NS_PER_S
# No venue counts beyond a signed 64 bit number, and neither do the stores.
LARGEST_ID: Final = (1 << 63) - 1


def why_not_trade(trade: TradeEvent) -> str | None:
    """Return the reason to refuse a trade, or None."""
    if trade.price <= 0:
        return "price_not_positive"
    if trade.size <= 0:
        return "size_not_positive"
    if not EPOCH <= trade.exchange_time <= trade.received_at + AHEAD:
        return "time_implausible"
    if trade.fills < 1 or trade.sequence < 0:
        return "ids_reversed"
    # Bybit's sequence is no id but a number of ours made from one, which may be larger.
    if trade.sequence > LARGEST_ID and trade.instrument.venue.contiguous_ids:
        return "id_implausible"
    return None


def why_not_book(event: BookSnapshot | BookDelta) -> str | None:
    """Return the reason to refuse a book event, or None."""
    for levels in (event.bids, event.asks):
        for price, _ in levels:
            if price <= 0:
                return "price_not_positive"
    if not EPOCH <= event.exchange_time <= event.received_at + AHEAD:
        return "time_implausible"
    if isinstance(event, BookDelta) and event.first_id > event.last_id:
        return "ids_reversed"
    return None
