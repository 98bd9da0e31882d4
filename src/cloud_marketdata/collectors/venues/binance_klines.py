"""Binance's klines by REST: how to ask for closed minutes, and the answer's rows as klines.

A row is an array of twelve; the ninth field of ours is its eleventh. A minute in which nothing was
traded comes as a flat row of zeros. What is not such a row is told as a rejection.
"""

from typing import Final

import msgspec
from msgspec import Raw

from cloud_marketdata.collectors.base import Ask
from cloud_marketdata.collectors.venues.binance_wire import UNREADABLE
from cloud_marketdata.domain.events import Rejection
from cloud_marketdata.domain.klines import Kline
from cloud_marketdata.domain.values import (
    NS_PER_MS,
    BadNumberError,
    Timeframe,
    Venue,
    canonical,
    parse_decimal,
)

_Row = tuple[int, str, str, str, str, str, int, str, int, str, str, str]
_rows: Final = msgspec.json.Decoder(list[Raw])
_row: Final = msgspec.json.Decoder(_Row)
_FIELDS: Final = {
    "open": 1,
    "high": 2,
    "low": 3,
    "close": 4,
    "volume": 5,
    "quote_volume": 7,
    "count": 8,
    "taker_buy_volume": 9,
    "taker_buy_quote_volume": 10,
}


class BinanceKlines:
    """One Binance venue's klines; below a hundred rows a question weighs the least."""

    def __init__(self, venue: Venue, path: str, weight: int) -> None:
        self.venue = venue
        self.most = 99
        self._path = path
        self._weight = weight

    def ask(self, symbol: str, start: int, end: int) -> Ask:
        """Return the question for the minutes of [start, end) ns, at most `most` of them."""
        first, last = start // NS_PER_MS, (end - Timeframe.M1.ns) // NS_PER_MS
        times = f"startTime={first}&endTime={last}&limit={self.most}"
        return Ask(f"{self._path}?symbol={symbol}&interval=1m&{times}", self._weight, spare=True)

    def decode(self, symbol: str, body: bytes, received_at: int) -> list[Kline | Rejection]:
        """Turn an answer into klines; a body that is no answer is one rejection. Never raises."""
        try:
            rows = _rows.decode(body)
        except UNREADABLE:
            return [self._rejected(symbol, body[:200].decode(errors="replace"), body, received_at)]
        return [self._read(symbol, bytes(row), received_at) for row in rows]

    def _read(self, symbol: str, row: bytes, received_at: int) -> Kline | Rejection:
        try:
            cells = _row.decode(row)
            fields = {
                name: canonical(parse_decimal(str(cells[at]))) for name, at in _FIELDS.items()
            }
        except (*UNREADABLE, BadNumberError) as error:
            return self._rejected(symbol, str(error), row, received_at)
        return Kline(cells[0] * NS_PER_MS, fields)

    def _rejected(self, symbol: str, detail: str, sample: bytes, at: int) -> Rejection:
        return Rejection(self.venue, "klines", detail[:300], sample[:500], at, symbol)
