"""How wide a row of a profile is when nobody asked for a width.

The choice depends on the price range alone, never on the number of rows somebody wants to draw:
rows of 1, 2 or 5 times a power of ten ticks on a grid anchored at price 0 merge exactly.
"""

from collections.abc import Iterator
from itertools import count
from typing import Final

MOST_ROWS: Final = 100


def default_row_ticks(low: int, high: int) -> int:
    """Return the smallest width in {1, 2, 5} x 10^k that covers ticks `low` to `high` in 100 rows.

    Raises ValueError where `high` is below `low`.
    """
    if high < low:
        msg = f"the highest tick {high} is below the lowest {low}"
        raise ValueError(msg)
    widths: Iterator[int] = (step * 10**power for power in count() for step in (1, 2, 5))
    return next(width for width in widths if high // width - low // width < MOST_ROWS)
