"""Divergence of price and delta, inside one bar and between swings: facts, no forecast.

Bar: the close is above the open although takers sold more than they bought, or the mirror. Swing:
the high is above that of all of the 20 closed bars before, while the CVD is below what it was at
the highest of them, or the mirror at a low. CVDs of different segments cannot be compared.
"""

from collections.abc import Hashable, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

LENGTH: Final = 20


class Divergence(StrEnum):
    """What price did against the flow."""

    UP_ON_SELLING = "price_up_delta_down"
    DOWN_ON_BUYING = "price_down_delta_up"
    HIGHER_HIGH = "higher_high_lower_cvd"
    LOWER_LOW = "lower_low_higher_cvd"


class Swing(NamedTuple):
    """A closed bar: ticks, the CVD at its close in lots, and what names the segment it counts in.

    run: CVDs may be compared where it is equal.
    """

    high: int
    low: int
    cvd: int
    run: Hashable


def of_bar(first: int, last: int, delta: int) -> Divergence | None:
    """Compare a bar's open and close in ticks with its delta."""
    if last > first and delta < 0:
        return Divergence.UP_ON_SELLING
    if last < first and delta > 0:
        return Divergence.DOWN_ON_BUYING
    return None


def of_swing(
    before: Sequence[Swing], now: Swing, length: int = LENGTH
) -> tuple[Divergence, ...] | None:
    """Compare a bar with the `length` closed ones before it, ascending; more are not looked at.

    None while there are fewer. Of equally extreme bars the last one is compared.
    """
    if len(before) < length:
        return None
    window = before[-length:]
    top = max(reversed(window), key=lambda swing: swing.high)
    bottom = min(reversed(window), key=lambda swing: swing.low)
    found = []
    if now.high > top.high and now.run == top.run and now.cvd < top.cvd:
        found.append(Divergence.HIGHER_HIGH)
    if now.low < bottom.low and now.run == bottom.run and now.cvd > bottom.cvd:
        found.append(Divergence.LOWER_LOW)
    return tuple(found)
