"""Trades as taker orders, and what they sum up to.

An agent that reads single fills counts one order many times; what a taker did at once is one row.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final, NamedTuple

from cloud_marketdata.api.figures import price_text, quote_text, size_text, vwap_text
from cloud_marketdata.api.flow.rawtape import on_one_grid
from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.instrument import Instrument, Scale
from cloud_marketdata.domain.values import NS_PER_MS, Side
from cloud_marketdata.processing.flow.clusters import Taken, clustered

OrderRow = tuple[int, str, str, str, str, str, int, int | str, int | str]
"""Match time, side, low, high, size, notional, trades, first id, last id."""
RULE: Final = "consecutive trades of equal match time and side (Bybit: of equal sequence too)"


class Wanted(NamedTuple):
    """Which taker orders are to be shown: of a side, of at least so much in quote units."""

    side: Side | None
    least: Decimal | None

    def lets(self, order: Taken) -> bool:
        """Whether an order is to be shown."""
        cluster, scale = order.cluster, order.instrument.scale
        if self.side is not None and cluster.side is not self.side:
            return False
        return self.least is None or scale.quote(cluster.quote) >= self.least


class Shown(NamedTuple):
    """An order to be shown: its place among all, ticks x lots, and how it is written."""

    number: int
    quote: int
    row: OrderRow


class Orders(NamedTuple):
    """The taker orders of some trades on one grid, and how many trades were away from the book."""

    scale: Scale
    taken: list[Taken]
    off_book: int

    def wanted(self, wanted: Wanted) -> list[Shown]:
        """Return those that are to be shown, in the order of the log."""
        return [
            Shown(number, one.cluster.quote, _row(one))
            for number, one in enumerate(self.taken)
            if wanted.lets(one)
        ]


def orders_of(trades: Sequence[TradeEvent], instrument: Instrument) -> Orders:
    """Return the taker orders of trades in the order of the log."""
    moved = on_one_grid(trades, instrument)
    taken, outside = clustered(moved)
    scale = moved[0].instrument.scale if moved else instrument.scale
    return Orders(scale, taken, len(outside))


def _row(order: Taken) -> OrderRow:
    one, scale = order.cluster, order.instrument.scale
    return (
        one.time // NS_PER_MS,
        one.side.value,
        price_text(scale, one.low),
        price_text(scale, one.high),
        size_text(scale, one.lots),
        quote_text(scale, one.quote),
        one.trades,
        one.first_id,
        one.last_id,
    )


def sums(orders: Orders) -> dict[str, str | int | None]:
    """Return count, buy, sell, delta, vwap, high and low of every order, shown or not."""
    every = [one.cluster for one in orders.taken]
    scale = orders.scale
    buy = sum(one.lots for one in every if one.side is Side.BUY)
    lots, quote = sum(one.lots for one in every), sum(one.quote for one in every)
    return {
        "count": sum(one.trades for one in every),
        "buy": size_text(scale, buy),
        "sell": size_text(scale, lots - buy),
        "delta": size_text(scale, 2 * buy - lots),
        "vwap": vwap_text(scale, quote, lots),
        "high": price_text(scale, max(one.high for one in every)) if every else None,
        "low": price_text(scale, min(one.low for one in every)) if every else None,
    }
