"""Volume by price as a commutative group.

A profile is a function from row to six integers with finite support. Adding profiles row by row is
associative and commutative, the empty profile is its identity, and every profile can be subtracted
again. So any range is a sum of its parts, in any order, byte for byte.

A profile that grows trade by trade keeps a mapping of rows; one that was read or summed keeps
columns (see `columns`), unless an integer in it is beyond 64 bits.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple

import msgspec

from cloud_marketdata.domain.columns import Columns, summed
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

    A row of six zeros is never kept, so equal profiles have equal bytes however they were made.
    """

    __slots__ = ("_cells", "_columns", "row_ticks", "scale")

    def __init__(
        self,
        scale: Scale,
        row_ticks: int = 1,
        cells: dict[int, Cells] | None = None,
        *,
        columns: Columns | None = None,
    ) -> None:
        self.scale = scale
        self.row_ticks = row_ticks
        self._columns = columns
        self._cells = {} if cells is None and columns is None else cells

    @property
    def cells(self) -> dict[int, Cells]:
        """The six integers by row, to be changed in place."""
        cells = self._cells
        if cells is None:
            assert self._columns is not None, "a profile has cells or columns"
            cells = self._cells = self._columns.cells()
        # Whoever asks may change them, and columns would not notice.
        self._columns = None
        return cells

    def columns(self) -> Columns | None:
        """Return the rows as columns, or None where an integer is beyond 64 bits."""
        if self._columns is not None:
            return self._columns
        return Columns.of_cells(self._cells or {})

    @property
    def bounds(self) -> tuple[int, int] | None:
        """Lowest and highest row, or None without any."""
        if self._columns is not None:
            return self._columns.bounds if len(self._columns) else None
        return (min(self._cells), max(self._cells)) if self._cells else None

    def __len__(self) -> int:
        """How many rows there are."""
        if self._columns is not None:
            return len(self._columns)
        return len(self._cells or {})

    def add(self, trade: TradeEvent) -> None:
        """Count one trade made on this profile's own scale."""
        rows = self._cells if self._columns is None else self.cells
        assert rows is not None, "a profile without columns has cells"
        row = trade.price // self.row_ticks
        cells = rows.get(row)
        if cells is None:
            cells = rows[row] = [0] * _WIDTH
        at = 0 if trade.side is Side.BUY else 1
        cells[at] += trade.size
        cells[at + 2] += trade.price * trade.size
        cells[at + 4] += trade.fills

    def rows(self) -> list[Row]:
        """Return the traded rows, ascending."""
        return list(map(Row, *self.table()))

    def table(self) -> list[list[int]]:
        """Return the traded rows, ascending, as seven columns."""
        if self._columns is not None:
            lists: list[list[int]] = self._columns.table.tolist()
            return lists
        cells = self.cells
        rows = sorted(cells)
        columns = zip(*(cells[row] for row in rows), strict=True) if rows else ((),) * _WIDTH
        return [rows, *map(list, columns)]

    def totals(self) -> dict[int, int]:
        """Return the lots traded by row."""
        return {row.row: row.total for row in self.rows()}

    def plus(self, other: "VolumeProfile") -> "VolumeProfile":
        """Return the sum, on the coarsest scale and row that hold both exactly."""
        return merge((self, other))

    def minus(self, other: "VolumeProfile") -> "VolumeProfile":
        """Return the difference; `a.plus(b).minus(b)` equals `a`."""
        negative = {row: [-cell for cell in cells] for row, *cells in other.rows()}
        return merge((self, VolumeProfile(other.scale, other.row_ticks, negative)))

    def coarsened(self, row_ticks: int) -> "VolumeProfile":
        """Return the profile in wider rows; raises ValueError unless the rows nest exactly."""
        if row_ticks < 1 or row_ticks % self.row_ticks:
            msg = f"rows of {row_ticks} ticks are not whole rows of {self.row_ticks} ticks"
            raise ValueError(msg)
        factor = row_ticks // self.row_ticks
        columns = self.columns()
        wide = columns and columns.coarsened(factor)
        if wide is not None:
            return VolumeProfile(self.scale, row_ticks, columns=wide)
        parts = ((row // factor, cells) for row, *cells in self.rows())
        return VolumeProfile(self.scale, row_ticks, _summed(parts))

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
            for row, *old in self.rows()
        }
        return VolumeProfile(scale, 1, cells)

    def volume(self) -> int:
        """Lots traded in all rows."""
        return sum(row.total for row in self.rows())

    def to_bytes(self) -> bytes:
        """Encode canonically: equal profiles give equal bytes, however their grid is written."""
        # Text holds integers of any size, which msgpack's 64 bits do not.
        table = ";".join(",".join(map(str, row)) for row in self.rows())
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
        return (self.scale, self.row_ticks, self.rows()) == (
            other.scale,
            other.row_ticks,
            other.rows(),
        )

    __hash__ = None  # type: ignore[assignment]


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
    wide = [columns for part in on_scale if (columns := part.columns()) is not None]
    total = summed(wide) if len(wide) == len(parts) else None
    if total is not None:
        return VolumeProfile(scale, parts[0].row_ticks, columns=total)
    items = ((row, cells) for part in on_scale for row, *cells in part.rows())
    return VolumeProfile(scale, parts[0].row_ticks, _summed(items))


def _summed(items: Iterable[tuple[int, Sequence[int]]]) -> dict[int, Cells]:
    total: dict[int, Cells] = {}
    for row, cells in items:
        old = total.get(row)
        total[row] = (
            list(cells) if old is None else [a + b for a, b in zip(old, cells, strict=True)]
        )
    return {row: cells for row, cells in total.items() if any(cells)}
