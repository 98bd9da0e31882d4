"""Exhaustion: the aggressor runs out into the extreme of a bar, and the delta turns behind it.

At a high: taker buys fall strictly over its last three rows, the top row holds at most 10 % of the
largest one, the running delta was above zero when the high was made and is lower at the end. At a
low the same of taker sells, mirrored. The rows alone say the first two; who has the running delta
asks for all four.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from cloud_marketdata.domain.profile import Row
from cloud_marketdata.domain.values import Side

ROWS: Final = 3
MOST_PCT: Final = 10


def tapers(rows: Sequence[Row], side: Side) -> bool:
    """Whether takers of `side` thin out into their extreme: buyers at the high, sellers at the low.

    rows: the traded rows of a bar, ascending; a row that is not listed holds nothing.
    """
    if not rows:
        return False
    buying = side is Side.BUY
    lots = {row.row: row.buy if buying else row.sell for row in rows}
    edge, step = (rows[-1], -1) if buying else (rows[0], 1)
    last = [lots.get(edge.row + step * at, 0) for at in range(ROWS)]
    falling = all(nearer < farther for nearer, farther in pairwise(last))
    largest = max(row.total for row in rows)
    return falling and edge.total * 100 <= largest * MOST_PCT


def exhausted(rows: Sequence[Row], side: Side, at_extreme: int, total: int) -> bool:
    """Whether takers of `side` were exhausted at their extreme of a bar.

    Args:
        rows: the traded rows of the bar, ascending.
        side: buyers, judged at the high, or sellers, judged at the low.
        at_extreme: running delta in lots since the bar's start, when the extreme was first made.
        total: delta of the whole bar in lots.
    """
    sign = 1 if side is Side.BUY else -1
    return sign * at_extreme > 0 and sign * total < sign * at_extreme and tapers(rows, side)
