"""Point of control and value area of a profile, by named methods and in integers only.

The method changes the answer, so every area carries its method, its target share and the share it
reached. All methods see the dense ladder from the lowest to the highest traded row, untraded rows
included; they cost time by traded rows, so a wide and sparse ladder is as cheap as a narrow one.
A profile without volume has no point of control and no area: None, never zero.

Methods: `cbot2` two rows at a time; `one_row`; `step_<n>` n rows at a time; `sparse` one row at a
time among traded rows; `shortest` the narrowest interval that holds the share.
"""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Final

from msgspec import Struct

from cloud_marketdata.processing.metrics.expansion import Ladder, Span, expand, shortest

METHOD: Final = r"^(cbot2|one_row|sparse|shortest|step_[1-9][0-9]?)$"
DEFAULT_METHOD: Final = "cbot2"
DEFAULT_PCT: Final = Decimal(70)

Finder = Callable[[Ladder, int, int], Span]
"""From the ladder, the POC row and the lots to reach, the lowest and highest row of the area."""


class ValueArea(Struct, frozen=True):
    """The area and how it was found.

    poc, vah, val: rows, or None without volume. volume, total: lots inside it and in all rows.
    reached_pct: share of the volume inside, two decimals, half-even, or None without volume.
    """

    method: str
    pct: Decimal
    poc: int | None
    vah: int | None
    val: int | None
    volume: int
    total: int
    reached_pct: str | None


def value_area(
    totals: Mapping[int, int] | Ladder, *, method: str = DEFAULT_METHOD, pct: Decimal = DEFAULT_PCT
) -> ValueArea:
    """Find the value area of lots by row.

    Args:
        totals: lots by row; rows may come in any order, rows without lots do not count. Whoever
            asks for more than one area gives the same ladder.
        method: a name that `METHOD` describes.
        pct: share of the volume to reach, in percent, above 0 and at most 100.

    Raises:
        ValueError: on an unknown method or a share that cannot be reached.
    """
    finder = _finder(method)
    if not 0 < pct <= 100:  # noqa: PLR2004 - all of the volume is 100 percent
        msg = f"a share of {pct} percent cannot be reached"
        raise ValueError(msg)
    ladder = totals if isinstance(totals, Ladder) else Ladder(totals)
    if not ladder.rows:
        return ValueArea(method, pct, None, None, None, 0, 0, None)
    poc = ladder.control
    low, high = finder(ladder, poc, _target(ladder.total, pct))
    volume = ladder.between(low, high)
    return ValueArea(
        method, pct, poc, high, low, volume, ladder.total, _percent(volume, ladder.total)
    )


def _finder(method: str) -> Finder:
    if not re.fullmatch(METHOD, method):
        msg = f"no value area method is named {method[:40]!r}"
        raise ValueError(msg)
    return _METHODS.get(method) or _by_rows(int(method.removeprefix("step_")))


def _by_rows(step: int) -> Finder:
    return lambda ladder, poc, target: expand(ladder, poc, target, step)


def _sparse(ladder: Ladder, poc: int, target: int) -> Span:
    low, high = expand(ladder.ranks, ladder.rows.index(poc), target, 1)
    return Span(ladder.rows[low], ladder.rows[high])


def _shortest(ladder: Ladder, _poc: int, target: int) -> Span:
    return shortest(ladder, target)


_METHODS: Final[dict[str, Finder]] = {
    "cbot2": _by_rows(2),
    "one_row": _by_rows(1),
    "sparse": _sparse,
    "shortest": _shortest,
}


def _target(total: int, pct: Decimal) -> int:
    """Return the fewest lots that are at least `pct` percent of `total`."""
    share, whole = pct.as_integer_ratio()
    return -(-total * share // (whole * 100))


def _percent(part: int, total: int) -> str:
    hundredths, rest = divmod(part * 10_000, total)
    if 2 * rest > total or (2 * rest == total and hundredths % 2):
        hundredths += 1
    return f"{hundredths // 100}.{hundredths % 100:02d}"
