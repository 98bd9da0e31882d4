"""A bar's footprint: taker buys and sells by price row.

Rows are those of the volume profile: `floor`, on a grid anchored at price 0, so all bars have the
same rows and wider ones are exact sums. Another binning is named where a peer uses one, so that its
published results can be compared: `half_even` is freqtrade's, to the nearest multiple of the row,
halves to the even one.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from statistics import median_low
from typing import Final

from cloud_marketdata.domain.profile import Row, VolumeProfile

MOST_ROWS: Final = 40


def _half_even(tick: int, row_ticks: int) -> int:
    row, rest = divmod(tick, row_ticks)
    return row + (2 * rest > row_ticks or (2 * rest == row_ticks and row % 2))


BINNINGS: Final[Mapping[str, Callable[[int, int], int]]] = {
    "floor": lambda tick, row_ticks: tick // row_ticks,
    "half_even": _half_even,
}


def footprint(profile: VolumeProfile, row_ticks: int, binning: str = "floor") -> list[Row]:
    """Return the traded rows of a bar, ascending, from its profile of one-tick rows.

    Raises ValueError on a profile of wider rows, a row of no width or an unknown binning.
    """
    if profile.row_ticks != 1 or row_ticks < 1 or binning not in BINNINGS:
        msg = f"no footprint of {binning[:20]!r} rows of {row_ticks} from {profile.row_ticks} ticks"
        raise ValueError(msg)
    row_of = BINNINGS[binning]
    rows: dict[int, list[int]] = {}
    for tick, cells in profile.cells.items():
        row = row_of(tick, row_ticks)
        old = rows.get(row)
        rows[row] = cells if old is None else [a + b for a, b in zip(old, cells, strict=True)]
    return [Row(row, *rows[row]) for row in sorted(rows)]


def bar_row_ticks(spans: Sequence[tuple[int, int]]) -> int:
    """Return the row width for bars that reach from a lowest to a highest tick.

    It is the smallest width in {1, 2, 5} x 10^k that shows the middle one of them in 40 rows, the
    same for all of them, so that their rows can be compared; 1 where there is no bar.
    """
    if not spans:
        return 1
    low, high = 0, median_low(high - low for low, high in spans)
    widths: Iterator[int] = (step * 10**power for power in count() for step in (1, 2, 5))
    return next(width for width in widths if high // width - low // width < MOST_ROWS)
