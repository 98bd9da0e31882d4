"""The least-squares line through pairs of whole numbers, kept as sums that merge exactly.

Only six sums are needed, so a minute's line and an hour's line are the same thing. The pairs are
whole on purpose: what is a ratio is scaled and rounded by whoever observes it.
"""

from collections.abc import Sequence
from typing import NamedTuple


class Fit(NamedTuple):
    """How many pairs (x, y), and the sums of x, y, x^2, x*y and y^2."""

    pairs: int = 0
    x: int = 0
    y: int = 0
    xx: int = 0
    xy: int = 0
    yy: int = 0

    def observed(self, x: int, y: int) -> "Fit":
        """Return the fit with one more pair."""
        return Fit(
            self.pairs + 1,
            self.x + x,
            self.y + y,
            self.xx + x * x,
            self.xy + x * y,
            self.yy + y * y,
        )

    @property
    def slope(self) -> float | None:
        """Change of y per x, or None where x never differed."""
        spread = self.pairs * self.xx - self.x * self.x
        return (self.pairs * self.xy - self.x * self.y) / spread if spread else None

    @property
    def r_squared(self) -> float | None:
        """Share of the variance of y that the line explains, or None where one never differed."""
        spread_x = self.pairs * self.xx - self.x * self.x
        spread_y = self.pairs * self.yy - self.y * self.y
        both = self.pairs * self.xy - self.x * self.y
        return both * both / (spread_x * spread_y) if spread_x and spread_y else None


def joined(fits: Sequence[Sequence[int]]) -> Fit:
    """Return the fit of all pairs of all of them."""
    return Fit(*(sum(column) for column in zip(*fits, strict=True)))
