"""Volume by price as a commutative group.

A profile is a function from row to six integers with finite support. Adding profiles row by row is
associative and commutative, the empty profile is its identity, and every profile can be subtracted
again. So any range is a sum of its parts, in any order, byte for byte.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

import msgspec

from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.instrument import Scale
from cloud_marketdata.domain.values import Side, canonical

# buy lots, sell lots, buy ticks*lots, sell ticks*lots, buy count, sell count
Cells = list[int]
_WIDTH = 6


class Row(NamedTuple):
    """One row of a profile: `row` is floor(ticks / row_ticks) on a grid anchored at price 0."""

    row: int
    buy: int
    sell: int
    buy_quote: int
    sell_quote: int
    buy_count: int
    sell_count: int

    @property
    def total(self) -> int:
        """Lots traded in the row."""
        return self.buy + self.sell


class VolumeProfile:
    """Lots, ticks times lots and fills by price row and taker side.

    `cells` maps a row to its six integers; a row of six zeros is never kept, so equal profiles have
    equal bytes however they were made.
    """

    __slots__ = ("cells", "row_ticks", "scale")

    def __init__(
        self, scale: Scale, row_ticks: int = 1, cells: dict[int, Cells] | None = None
    ) -> None:
        self.scale = scale
        self.row_ticks = row_ticks
        self.cells: dict[int, Cells] = {} if cells is None else cells

    def add(self, trade: TradeEvent) -> None:
        """Count one trade made on this profile's own scale."""
        row = trade.price // self.row_ticks
        cells = self.cells.get(row)
        if cells is None:
            cells = self.cells[row] = [0] * _WIDTH
        at = 0 if trade.side is Side.BUY else 1
        cells[at] += trade.size
        cells[at + 2] += trade.price * trade.size
        cells[at + 4] += trade.fills

    def rows(self) -> list[Row]:
        """Return the traded rows, ascending."""
        return [Row(row, *self.cells[row]) for row in sorted(self.cells)]

    def plus(self, other: "VolumeProfile") -> "VolumeProfile":
        """Return the sum, on the coarsest scale and row that hold both exactly."""
        return merge((self, other))

    def minus(self, other: "VolumeProfile") -> "VolumeProfile":
        """Return the difference; `a.plus(b).minus(b)` equals `a`."""
        negative = {row: [-cell for cell in cells] for row, cells in other.cells.items()}
        return merge((self, VolumeProfile(other.scale, other.row_ticks, negative)))

    def coarsened(self, row_ticks: int) -> "VolumeProfile":
        """Return the profile in wider rows; raises ValueError unless the rows nest exactly."""
        if row_ticks < 1 or row_ticks % self.row_ticks:
            msg = f"rows of {row_ticks} ticks are not whole rows of {self.row_ticks} ticks"
            raise ValueError(msg)
        factor = row_ticks // self.row_ticks
        return VolumeProfile(self.scale, row_ticks, _summed(self._parts(factor)))

    def rescaled(self, scale: Scale) -> "VolumeProfile":
        """Return the same profile counted on a finer scale; rows of one tick stay one tick.

        Raises ValueError for coarsened rows: their trades' own ticks are gone.
        """
        if scale == self.scale:
            return self
        if self.row_ticks != 1:
            msg = "only a profile of one-tick rows can change its scale"
            raise ValueError(msg)
        tick, lot = self.scale.factors(scale)
        weights = (lot, lot, tick * lot, tick * lot, 1, 1)
        cells = {
            row * tick: [cell * weight for cell, weight in zip(old, weights, strict=True)]
            for row, old in self.cells.items()
        }
        return VolumeProfile(scale, 1, cells)

    def volume(self) -> int:
        """Lots traded in all rows."""
        return sum(cells[0] + cells[1] for cells in self.cells.values())

    def to_bytes(self) -> bytes:
        """Encode canonically: equal profiles give equal bytes, however their grid is written."""
        flat = [[row, *self.cells[row]] for row in sorted(self.cells)]
        # Text holds integers of any size, which msgpack's 64 bits do not.
        table = ";".join(",".join(map(str, row)) for row in flat)
        return msgspec.msgpack.encode(
            (canonical(self.scale.tick), canonical(self.scale.lot), self.row_ticks, table)
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "VolumeProfile":
        """Decode what `to_bytes` wrote."""
        tick, lot, row_ticks, table = _decoder.decode(data)
        cells = {}
        for line in table.split(";") if table else ():
            row, *rest = map(int, line.split(","))
            cells[row] = rest
        return cls(Scale(Decimal(tick), Decimal(lot)), row_ticks, cells)

    def __eq__(self, other: object) -> bool:
        """Compare by content."""
        if not isinstance(other, VolumeProfile):
            return NotImplemented
        return (self.scale, self.row_ticks, self.cells) == (
            other.scale,
            other.row_ticks,
            other.cells,
        )

    __hash__ = None  # type: ignore[assignment]

    def _parts(self, factor: int) -> Iterable[tuple[int, Cells]]:
        return ((row // factor, cells) for row, cells in self.cells.items())


_decoder = msgspec.msgpack.Decoder(tuple[str, str, int, str])


def merge(profiles: Iterable[VolumeProfile]) -> VolumeProfile:
    """Sum profiles of equal row width; the order does not matter.

    Raises ValueError on an empty sequence or on rows of different widths.
    """
    parts = list(profiles)
    if len({part.row_ticks for part in parts}) != 1:
        msg = "profiles to merge must be at least one, with rows of one width"
        raise ValueError(msg)
    scale = parts[0].scale
    for part in parts[1:]:
        scale = scale.meet(part.scale)
    on_scale = [part.rescaled(scale) for part in parts]
    items = ((row, cells) for part in on_scale for row, cells in part.cells.items())
    return VolumeProfile(scale, parts[0].row_ticks, _summed(items))


def _summed(items: Iterable[tuple[int, Cells]]) -> dict[int, Cells]:
    total: dict[int, Cells] = {}
    for row, cells in items:
        old = total.get(row)
        total[row] = (
            list(cells) if old is None else [a + b for a, b in zip(old, cells, strict=True)]
        )
    return {row: cells for row, cells in total.items() if any(cells)}
