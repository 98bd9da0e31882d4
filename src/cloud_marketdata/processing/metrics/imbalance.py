"""Diagonal imbalance: taker buys of a row against taker sells of the row below, and the mirror.

With ratio R in percent and minimum V, a row is bought out of balance where `buy * 100 > sell of
the row below * R` and `buy > V`; sold where `sell * 100 > buy of the row above * R` and `sell > V`;
both strictly. The lowest row has no row below and the highest none above. Against a row in which
nobody traded on the other side the ratio would be infinite: that is told apart as a zero print.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from msgspec import Struct

from cloud_marketdata.domain.profile import Row
from cloud_marketdata.domain.values import Side

RATIO_PCT: Final = 300
SHARE: Final = 500
"""A five hundredth of the bar's volume is 0.2 %."""


class Rule(Struct, frozen=True):
    """ratio_pct: R. minimum: V in lots, or None for 0.2 % of the bar's volume, at least one lot.

    ignore_zero: leave zero prints apart instead of calling them imbalances.
    """

    ratio_pct: int = RATIO_PCT
    minimum: int | None = None
    ignore_zero: bool = True

    def least(self, volume: int) -> int:
        """Return V for a bar of so many lots; a side must exceed it."""
        return max(1, volume // SHARE) if self.minimum is None else self.minimum


class Imbalances(NamedTuple):
    """Rows by taker side that are out of balance, and those against a row of nothing, ascending."""

    buy: tuple[int, ...]
    sell: tuple[int, ...]
    zero_buy: tuple[int, ...]
    zero_sell: tuple[int, ...]

    def of(self, side: Side) -> tuple[int, ...]:
        """Return the rows in which takers of a side were out of balance."""
        return self.buy if side is Side.BUY else self.sell


def imbalances(rows: Sequence[Row], rule: Rule) -> Imbalances:
    """Find the imbalances of a bar from its traded rows, ascending.

    The ladder is dense: a row that is not listed holds nothing.
    """
    if not rows:
        return Imbalances((), (), (), ())
    bottom, top = rows[0].row, rows[-1].row
    least = rule.least(sum(row.total for row in rows))
    asks = {row.row: row.buy for row in rows}
    bids = {row.row: row.sell for row in rows}
    bought = {
        row: bids.get(row - 1, 0) for row, lots in asks.items() if row > bottom and lots > least
    }
    sold = {row: asks.get(row + 1, 0) for row, lots in bids.items() if row < top and lots > least}
    buy, zero_buy = _split(asks, bought, rule)
    sell, zero_sell = _split(bids, sold, rule)
    return Imbalances(buy, sell, zero_buy, zero_sell)


def _split(
    lots: dict[int, int], against: dict[int, int], rule: Rule
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the rows that outweigh their opposite, and those whose opposite is nothing."""
    zero = tuple(row for row, other in against.items() if not other)
    more = tuple(
        row
        for row, other in against.items()
        if lots[row] * 100 > other * rule.ratio_pct and (other or not rule.ignore_zero)
    )
    return more, zero
