"""Bybit's klines by REST: how to ask for closed minutes, and the answer's rows as klines.

A row is an array of seven texts and the newest comes first; it tells neither how many trades there
were nor what takers bought. What is not such a row is told as a rejection.
"""

from typing import Final

import msgspec
from msgspec import Raw, Struct, field

from cloud_marketdata.collectors.base import Ask
from cloud_marketdata.collectors.venues.bybit_wire import UNREADABLE
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

_FIELDS: Final = ("open", "high", "low", "close", "volume", "quote_volume")


class _Rows(Struct):
    rows: list[Raw] = field(name="list", default_factory=list)


class _Answer(Struct, rename="camel"):
    ret_code: int
    ret_msg: str = ""
    result: _Rows | None = None


_answer: Final = msgspec.json.Decoder(_Answer)
_row: Final = msgspec.json.Decoder(tuple[str, str, str, str, str, str, str])


class BybitKlines:
    """The klines of one category."""

    def __init__(self, venue: Venue, category: str) -> None:
        self.venue = venue
        self.most = 1000
        self._category = category

    def ask(self, symbol: str, start: int, end: int) -> Ask:
        """Return the question for the minutes of [start, end) ns, at most `most` of them."""
        first, last = start // NS_PER_MS, (end - Timeframe.M1.ns) // NS_PER_MS
        market = f"category={self._category}&symbol={symbol}&interval=1"
        path = f"/v5/market/kline?{market}&start={first}&end={last}&limit={self.most}"
        return Ask(path, spare=True)

    def decode(self, symbol: str, body: bytes, received_at: int) -> list[Kline | Rejection]:
        """Turn an answer into klines; a body that is no answer is one rejection. Never raises."""
        try:
            answer = _answer.decode(body)
        except UNREADABLE as error:
            return [self._rejected(symbol, str(error), body, received_at)]
        if answer.ret_code or answer.result is None:
            told = f"{answer.ret_code} {answer.ret_msg}"
            return [self._rejected(symbol, told, body, received_at)]
        return [self._read(symbol, bytes(row), received_at) for row in answer.result.rows]

    def _read(self, symbol: str, row: bytes, received_at: int) -> Kline | Rejection:
        try:
            start, *cells = _row.decode(row)
            ms = parse_decimal(start)
            fields = {
                name: canonical(parse_decimal(cell))
                for name, cell in zip(_FIELDS, cells, strict=False)
            }
        except (*UNREADABLE, BadNumberError) as error:
            return self._rejected(symbol, str(error), row, received_at)
        return Kline(int(ms) * NS_PER_MS, fields)

    def _rejected(self, symbol: str, detail: str, sample: bytes, at: int) -> Rejection:
        return Rejection(self.venue, "klines", detail[:300], sample[:500], at, symbol)
