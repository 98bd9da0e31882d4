"""An instrument and the grid on which its prices and sizes are counted."""

from decimal import Decimal
from typing import Self

from msgspec import Struct
from msgspec.structs import replace

from cloud_marketdata.domain.values import EXACT, FINEST, BadNumberError, Venue, common_step


class Scale(Struct, frozen=True, gc=False):
    """One tick of price and one lot of size, as exact decimals.

    Scales form a lattice: `meet` is the coarsest grid that holds both, so sums of aggregates made
    on different grids are exact and do not depend on the order of summation. A step that is not
    positive and finite counts nothing: BadNumberError.
    """

    tick: Decimal
    lot: Decimal

    def __post_init__(self) -> None:
        """Refuse a step that counts nothing; venues list 0 for a filter that is switched off."""
        for step in (self.tick, self.lot):
            if not (step.is_finite() and step > 0):
                msg = f"not a step: {step}"
                raise BadNumberError(msg)

    def meet(self, other: Self) -> Self:
        """Return the coarsest scale on which both are whole multiples."""
        if other == self:
            return self
        return type(self)(common_step(self.tick, other.tick), common_step(self.lot, other.lot))

    def factors(self, finer: Self) -> tuple[int, int]:
        """How many ticks and lots of the `finer` scale one of ours is; both are whole."""
        return whole(self.tick, finer.tick), whole(self.lot, finer.lot)

    def price(self, ticks: int) -> Decimal:
        """Price of a count of ticks, with the tick's own number of decimals."""
        return EXACT.multiply(Decimal(ticks), self.tick)

    def size(self, lots: int) -> Decimal:
        """Size of a count of lots, with the lot's own number of decimals."""
        return EXACT.multiply(Decimal(lots), self.lot)

    def quote(self, tick_lots: int) -> Decimal:
        """Quote amount of a sum of ticks times lots."""
        return EXACT.multiply(Decimal(tick_lots), EXACT.multiply(self.tick, self.lot))


class Instrument(Struct, frozen=True, gc=False):
    """What is traded where, and on which grid.

    A venue may change its tick, and a resting size may be finer than the lot. Such a value never
    gets rounded: it refines the scale, and `scale_version` counts the refinements.
    """

    venue: Venue
    symbol: str
    scale: Scale
    scale_version: int = 1

    def refined(self, price: Decimal, size: Decimal) -> "Instrument":
        """Return the instrument on the coarsest grid that also holds `price` and `size`.

        Raises BadNumberError where that grid would be finer than any market's.
        """
        scale = Scale(
            common_step(self.scale.tick, price) if price else self.scale.tick,
            common_step(self.scale.lot, size) if size else self.scale.lot,
        )
        if scale.tick < FINEST or scale.lot < FINEST:
            msg = f"finer than {FINEST}: {price} x {size}"
            raise BadNumberError(msg)
        return replace(self, scale=scale, scale_version=self.scale_version + 1)


class OffGridError(ValueError):
    """A value is not a whole number of steps."""


def whole(value: Decimal, step: Decimal) -> int:
    """Count the steps in `value`; raises OffGridError where a part of a step would be left."""
    count, rest = EXACT.divmod(value, step)
    if rest:
        msg = f"{value} is not a whole number of {step}"
        raise OffGridError(msg)
    return int(count)
