"""How the point of control and the value area moved while a profile grew: a series of steps.

Each step is the answer of the prefix that ends there, made by the same methods as the whole, so the
last step is what the whole profile says. Prefixes that change nothing are left out.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import NamedTuple

from cloud_marketdata.processing.metrics.value_area import DEFAULT_METHOD, DEFAULT_PCT, value_area


class Step(NamedTuple):
    """From `time` on (ns, the end of a bucket) the rows were these."""

    time: int
    poc: int
    vah: int
    val: int


def developing(
    buckets: Iterable[tuple[int, Mapping[int, int]]],
    *,
    method: str = DEFAULT_METHOD,
    pct: Decimal = DEFAULT_PCT,
) -> list[Step]:
    """Return the steps of a profile that grows by buckets: their end and their lots by row.

    Each bucket costs as much as one value area of all rows so far. Raises what `value_area` raises.
    """
    totals: dict[int, int] = {}
    steps: list[Step] = []
    for end, lots in buckets:
        for row, more in lots.items():
            totals[row] = totals.get(row, 0) + more
        area = value_area(totals, method=method, pct=pct)
        if area.poc is None or area.vah is None or area.val is None:
            continue
        step = Step(end, area.poc, area.vah, area.val)
        if not steps or steps[-1][1:] != step[1:]:
            steps.append(step)
    return steps
