"""Binance's REST questions about past trades: aggregates, single trades, and the 24-hour ticker.

They are answered from the database, which may lag behind the sockets; the ticker sums up the
playback so far, whatever its length.
"""

from decimal import Decimal
from typing import Final, TypeVar

import msgspec
from starlette.requests import Request

from cloud_marketdata.simulator.binance import BinanceVenue
from cloud_marketdata.simulator.binance_params import RefusedError, number, row_limit
from cloud_marketdata.simulator.binance_trades import AggRow, Trade
from cloud_marketdata.simulator.faults.mischief import Mischief
from cloud_marketdata.simulator.faults.replies import Lag
from cloud_marketdata.simulator.klines import told
from cloud_marketdata.simulator.minutes import MINUTE_MS, MinuteBar
from cloud_marketdata.simulator.tape import Tape

Described = dict[str, object]
HOUR_MS: Final = 3_600_000
NOT_FOUND: Final = 404
Row = TypeVar("Row")


class BinanceHistory:
    """What one venue's database says."""

    def __init__(self, venue: BinanceVenue, mischief: Mischief) -> None:
        self._venue = venue
        self._mischief = mischief

    def aggregates(self, request: Request, symbol: str) -> list[AggRow]:
        """Answer aggTrades, by id or by time."""
        most = row_limit(request)
        first, start, end = (number(request, name) for name in ("fromId", "startTime", "endTime"))
        tape = self._known(self._venue.tapes.aggregates(symbol))
        if first is not None:
            if start is not None or end is not None:
                raise RefusedError(-1128, "Combination of optional parameters invalid.")
            return tape.from_id(first, most)
        if start is None and end is None:
            return tape.newest(most)
        if self._venue.usdm and start is not None and end is not None and end - start > HOUR_MS:
            raise RefusedError(-1127, "More than 1 hours between startTime and endTime.")
        return tape.between(lambda row: row.T, start, end, most)

    def singles(self, request: Request, symbol: str) -> list[Described]:
        """Answer historicalTrades; 404 where the recording holds no single trades."""
        most, first = row_limit(request), number(request, "fromId")
        held = self._venue.tapes.singles(symbol)
        if held is None:
            raise RefusedError(-1000, "The recording holds no single trades.", NOT_FOUND)
        tape = self._known(held)
        rows = tape.newest(most) if first is None else tape.from_id(first, most)
        return [_single(trade) for trade in rows]

    def klines(self, request: Request, symbol: str) -> list[list[object]]:
        """Answer klines; one minute is the only interval there is."""
        if request.query_params.get("interval") != "1m":
            raise RefusedError(-1120, "Invalid interval.")
        most = row_limit(request)
        start, end = number(request, "startTime"), number(request, "endTime")
        minutes = self._venue.tapes.minutes(symbol)
        bars = told(minutes, self._mischief, symbol, (start, end), most)
        return [_kline(bar) for bar in bars]

    def ticker(self, symbol: str) -> Described:
        """Answer ticker/24hr for one symbol."""
        tally = self._venue.tapes.tally(symbol)
        return {
            "symbol": symbol,
            "priceChange": format(tally.change(), "f"),
            "priceChangePercent": format(tally.change_share() * 100, "f"),
            "weightedAvgPrice": format(tally.average(), "f"),
            "lastPrice": format(tally.last, "f"),
            "lastQty": format(tally.last_size, "f"),
            "openPrice": format(tally.first, "f"),
            "highPrice": format(tally.high, "f"),
            "lowPrice": format(tally.low, "f"),
            "volume": format(tally.volume, "f"),
            "quoteVolume": format(tally.quote_volume, "f"),
            "openTime": tally.opened_at,
            "closeTime": tally.closed_at,
            "firstId": tally.first_id,
            "lastId": tally.last_id,
            "count": tally.count,
            **({} if self._venue.usdm else self._best(symbol)),
        }

    def _best(self, symbol: str) -> Described:
        book = msgspec.json.decode(self._venue.depth(symbol, 1) or b"{}")
        bid, ask = (next(iter(book.get(side, ())), ("0", "0")) for side in ("bids", "asks"))
        return {"bidPrice": bid[0], "bidQty": bid[1], "askPrice": ask[0], "askQty": ask[1]}

    def _known(self, tape: Tape[Row]) -> Tape[Row]:
        """Return a tape as far as the database has come."""
        for lag in self._mischief.of(Lag):
            tape = lag.behind(tape)
        return tape


def _kline(bar: MinuteBar) -> list[object]:
    prices = [format(price, "f") for price in (bar.open, bar.high, bar.low, bar.close)]
    bought = (bar.taker_buy_volume, bar.taker_buy_quote_volume)
    return [
        bar.start,
        *prices,
        format(bar.volume, "f"),
        bar.start + MINUTE_MS - 1,
        format(bar.quote_volume, "f"),
        bar.count,
        *(format(amount, "f") for amount in bought),
        "0",
    ]


def _single(trade: Trade) -> Described:
    return {
        "id": trade.t,
        "price": trade.p,
        "qty": trade.q,
        "quoteQty": format(Decimal(trade.p) * Decimal(trade.q), "f"),
        "time": trade.T,
        "isBuyerMaker": trade.m,
        "isBestMatch": bool(trade.M),
    }
