"""Metrics: pure functions of exact state, one small file and one line in this registry each.

A metric takes what `domain` keeps and returns integers or exact decimals. It reads no clock, does
no I/O and keeps nothing between calls, so the same state always gives the same answer.
"""

from collections.abc import Callable

from cloud_marketdata.processing.metrics.rows import default_row_ticks
from cloud_marketdata.processing.metrics.value_area import value_area

METRICS: dict[str, Callable[..., object]] = {
    "row_ticks": default_row_ticks,
    "value_area": value_area,
}
