"""Metrics: pure functions of exact state, one small file and one line in a registry each.

A metric takes what `domain` keeps and returns integers or exact decimals. It reads no clock, does
no I/O and keeps nothing between calls, so the same state always gives the same answer. A measure is
what grows with the tape instead: a fold that tells a reading each minute, and in the same module
the two functions that make an answer of readings; its name is that of the readings.
"""

from collections.abc import Callable

from cloud_marketdata.processing.metrics import (
    amihud,
    book_imbalance,
    clock,
    cluster_sizes,
    delta_path,
    kyle_lambda,
    ofi,
    ofi_levels,
    spreads,
    vpin,
)
from cloud_marketdata.processing.metrics.activity_bars import activity_bars
from cloud_marketdata.processing.metrics.cvd import cvd
from cloud_marketdata.processing.metrics.developing import developing
from cloud_marketdata.processing.metrics.divergence import of_bar, of_swing
from cloud_marketdata.processing.metrics.exhaustion import exhausted
from cloud_marketdata.processing.metrics.footprint import bar_row_ticks, footprint
from cloud_marketdata.processing.metrics.imbalance import imbalances
from cloud_marketdata.processing.metrics.measures import Measure
from cloud_marketdata.processing.metrics.naked import filled_by
from cloud_marketdata.processing.metrics.nodes import nodes
from cloud_marketdata.processing.metrics.rows import default_row_ticks
from cloud_marketdata.processing.metrics.sessions import closed_sessions, session
from cloud_marketdata.processing.metrics.shape import shape
from cloud_marketdata.processing.metrics.stacked import fate, zones
from cloud_marketdata.processing.metrics.unfinished import auction, traded_again
from cloud_marketdata.processing.metrics.value_area import value_area

METRICS: dict[str, Callable[..., object]] = {
    "activity_bars": activity_bars,
    "auction": auction,
    "auction_resolved": traded_again,
    "bar_row_ticks": bar_row_ticks,
    "closed_sessions": closed_sessions,
    "cvd": cvd,
    "developing": developing,
    "divergence_of_bar": of_bar,
    "divergence_of_swing": of_swing,
    "exhaustion": exhausted,
    "footprint": footprint,
    "imbalances": imbalances,
    "naked_filled_by": filled_by,
    "nodes": nodes,
    "row_ticks": default_row_ticks,
    "session": session,
    "shape": shape,
    "stacked_zones": zones,
    "value_area": value_area,
    "zone_fate": fate,
}

MEASURES: dict[str, Measure] = {
    "amihud": amihud,
    "book_imbalance": book_imbalance,
    clock.NAME: clock,
    "cluster_sizes": cluster_sizes,
    "delta_path": delta_path,
    "kyle_lambda": kyle_lambda,
    "ofi": ofi,
    "ofi_levels": ofi_levels,
    "spreads": spreads,
    "vpin": vpin,
}
