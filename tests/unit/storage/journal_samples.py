"""Entries for the journal's laws, in the smallest form that is still real."""

from cloud_marketdata.domain.values import Venue
from cloud_marketdata.storage.entry import Entry
from cloud_marketdata.storage.ports import Stream, StreamKind

BTC = Stream(Venue.BINANCE_SPOT, "BTCUSDT", StreamKind.TRADES)
ETH = Stream(Venue.BYBIT_LINEAR, "ETHUSDT", StreamKind.STATUS)
STREAMS = (BTC, ETH)


def entry(position: int, *, stream: Stream = BTC, size: int = 20, received: int = 0) -> Entry:
    """Return an entry whose block is of `size` bytes and tells its position."""
    return Entry(
        stream, position, position, position + 3, received, f"{position}".encode().ljust(size)
    )
