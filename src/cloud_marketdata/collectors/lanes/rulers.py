"""Venue text to integers on an instrument's grid.

Prices and sizes repeat, so a count is remembered by its text: usually a conversion is one look-up.
Text that falls between the steps refines the instrument's scale and is never rounded.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

from cloud_marketdata.domain.events import Level
from cloud_marketdata.domain.instrument import Instrument, OffGridError, Scale, whole
from cloud_marketdata.domain.values import Venue, parse_decimal

_REMEMBERED: Final = 65_536


class Grid(dict[str, int]):
    """Counts of one step by their text; `grid[text]` computes what it has not seen."""

    def __init__(self, step: Decimal) -> None:
        super().__init__()
        self.step = step

    def __missing__(self, text: str) -> int:
        """Count the steps; raises BadNumberError or OffGridError."""
        count = whole(parse_decimal(text), self.step)
        if len(self) >= _REMEMBERED:
            self.clear()
        self[text] = count
        return count


class Ruler:
    """Measures one instrument; `ticks[text]` and `lots[text]` are the fast way in."""

    __slots__ = ("instrument", "lots", "ticks")

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.ticks = Grid(instrument.scale.tick)
        self.lots = Grid(instrument.scale.lot)

    def refine(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Move to the coarsest grid that holds all these prices and sizes, if ours does not.

        Raises BadNumberError for text that is no number, or finer than any market's grid.
        """
        finer = self.instrument
        for price, size in pairs:
            finer = finer.refined(parse_decimal(price), parse_decimal(size))
        if finer.scale != self.instrument.scale:
            version = self.instrument.scale_version + 1
            refined = Instrument(finer.venue, finer.symbol, finer.scale, version)
            self.instrument = refined
            self.ticks, self.lots = Grid(refined.scale.tick), Grid(refined.scale.lot)

    def trade(self, price: str, size: str) -> tuple[int, int]:
        """Return ticks and lots; raises BadNumberError."""
        try:
            return self.ticks[price], self.lots[size]
        except OffGridError:
            self.refine(((price, size),))
            return self.ticks[price], self.lots[size]

    def levels(self, pairs: Sequence[tuple[str, str]]) -> tuple[Level, ...]:
        """Return levels in ticks and lots; raises BadNumberError."""
        ticks, lots = self.ticks, self.lots
        try:
            return tuple([(ticks[price], lots[size]) for price, size in pairs])
        except OffGridError:
            self.refine(pairs)
            ticks, lots = self.ticks, self.lots
            return tuple([(ticks[price], lots[size]) for price, size in pairs])


class Rulers(dict[str, Ruler]):
    """The rulers of one venue's stream kind, by symbol.

    With `infer` an unknown symbol gets the grid of its first values, to be refined by the next
    ones; that serves captures without an instruments file, never a live venue.
    """

    def __init__(
        self, venue: Venue, instruments: Iterable[Instrument] = (), *, infer: bool = False
    ) -> None:
        super().__init__((item.symbol, Ruler(item)) for item in instruments)
        self._venue = venue
        self._infer = infer

    def learn(self, symbol: str, price: str, size: str) -> Ruler:
        """Return a new ruler for a symbol that is not known; raises UnknownSymbolError."""
        if not self._infer:
            raise UnknownSymbolError(symbol)
        scale = Scale(_first_step(price), _first_step(size))
        ruler = self[symbol] = Ruler(Instrument(self._venue, symbol, scale))
        return ruler


class UnknownSymbolError(LookupError):
    """The symbol is not among the instruments of this venue."""


def _first_step(text: str) -> Decimal:
    exponent = parse_decimal(text).normalize().as_tuple().exponent
    return Decimal(1).scaleb(min(int(exponent), 0))
