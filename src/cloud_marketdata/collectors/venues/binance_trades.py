"""Binance's trades: the messages of `@aggTrade` and `@trade`, and the rows REST has of the same.

Rows become the very events that the stream makes, which is why a back-filled tape equals one
without a loss. See docs/decisions/0005.
"""

from typing import Final

from msgspec import Raw

from cloud_marketdata.collectors.base import Control, ControlKind
from cloud_marketdata.collectors.lanes.rulers import Rulers
from cloud_marketdata.collectors.venues import binance_wire as wire
from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.values import NS_PER_MS, Side, TradeFlag

# Looking a member up in its enum costs as much as making the event.
_BUY: Final = Side.BUY
_SELL: Final = Side.SELL
KINDS: Final = {
    "MARKET": TradeFlag.NONE,
    "RPI": TradeFlag.RPI,
    "INSURANCE_FUND": TradeFlag.INSURANCE_FUND,
    "ADL": TradeFlag.ADL,
}

_TOLD_TWICE: Final = Control(ControlKind.SILENT, "trade beside aggTrade")


class BinanceTrades:
    """Trades by `@aggTrade`, which can be back-filled exactly, or by `@trade`.

    They are two tellings of one tape with ids of their own. A capture may hold both: the first one
    seen for a symbol is followed, or every trade would count twice.
    """

    def __init__(self, rulers: Rulers, stream: str) -> None:
        self.rulers = rulers
        self.stream = stream
        self._followed: dict[str, type[wire.Trade | wire.AggTrade]] = {}

    def topic(self, symbol: str) -> str:
        """See `Part`."""
        return f"{symbol.lower()}@{self.stream}"

    def trade(self, m: wire.Trade, received_at: int) -> TradeEvent | Control:
        """Turn one `@trade` into an event; raises UnknownSymbolError or BadNumberError."""
        if self._followed.setdefault(m.s, wire.Trade) is not wire.Trade:
            return _TOLD_TWICE
        ruler = self.rulers.get(m.s) or self.rulers.learn(m.s, m.p, m.q)
        price, size = ruler.trade(m.p, m.q)
        return TradeEvent(
            ruler.instrument,
            m.t,
            price,
            size,
            _SELL if m.m else _BUY,
            m.T * NS_PER_MS,
            received_at,
            m.t,
            1,
            0 if m.X == "MARKET" else KINDS.get(m.X, TradeFlag.OFF_BOOK),
        )

    def aggregate(self, m: wire.AggTrade, received_at: int) -> TradeEvent | Control:
        """Turn one `@aggTrade` into an event; raises UnknownSymbolError or BadNumberError."""
        if self._followed.setdefault(m.s, wire.AggTrade) is not wire.AggTrade:
            return _TOLD_TWICE
        ruler = self.rulers.get(m.s) or self.rulers.learn(m.s, m.p, m.q)
        price, size = ruler.trade(m.p, m.q)
        return TradeEvent(
            ruler.instrument,
            m.a,
            price,
            size,
            _SELL if m.m else _BUY,
            m.T * NS_PER_MS,
            received_at,
            m.a,
            m.l - m.f + 1,
        )

    def row(self, symbol: str, row: Raw, received_at: int) -> TradeEvent:
        """Turn a REST row of the stream's own kind into an event; raises as the others do."""
        if self.stream == "trade":
            single = wire.trade_row.decode(row).told(symbol)
            event = self.trade(single, received_at)
        else:
            event = self.aggregate(wire.agg_row.decode(row).told(symbol), received_at)
        assert isinstance(event, TradeEvent), "REST is asked for one kind of trade only"
        return event
