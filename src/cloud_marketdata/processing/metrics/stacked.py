"""Stacked imbalance: at least K neighbouring rows out of balance on one side make a zone.

What became of a zone is told by the bars after it. A zone of buys is looked at from above, one of
sells from below: it is `touched` once a later bar trades in it or beyond, `filled` once one trades
beyond its far edge, `broken` once one closes beyond it; until then it is `fresh`. Later states
include the earlier ones.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from itertools import groupby
from typing import Final, NamedTuple

from cloud_marketdata.domain.values import Side
from cloud_marketdata.processing.metrics.imbalance import Imbalances

LEAST_ROWS: Final = 3


class ZoneState(StrEnum):
    """What became of a zone, from the least to the most."""

    FRESH = "fresh"
    TOUCHED = "touched"
    FILLED = "filled"
    BROKEN = "broken"


class Zone(NamedTuple):
    """First and last row of a run of imbalances, both inside."""

    side: Side
    first: int
    last: int


class After(NamedTuple):
    """A later bar: when it began, and the rows of its lowest, highest and last price."""

    start: int
    low: int
    high: int
    close: int


class Fate(NamedTuple):
    """A zone's state, and the start of the bar that did each; None where none has."""

    state: ZoneState
    touched_at: int | None
    filled_at: int | None
    broken_at: int | None


def zones(found: Imbalances, least_rows: int = LEAST_ROWS) -> list[Zone]:
    """Return the zones of a bar, buys first, each ascending."""
    made = []
    for side in Side:
        numbered = enumerate(found.of(side))
        for _, run in groupby(numbered, key=lambda item: item[1] - item[0]):
            rows = [row for _, row in run]
            if len(rows) >= least_rows:
                made.append(Zone(side, rows[0], rows[-1]))
    return made


def fate(zone: Zone, later: Sequence[After]) -> Fate:
    """Judge a zone by the bars after it, ascending."""
    if zone.side is Side.BUY:
        touched = _first(bar.start for bar in later if bar.low <= zone.last)
        filled = _first(bar.start for bar in later if bar.low < zone.first)
        broken = _first(bar.start for bar in later if bar.close < zone.first)
    else:
        touched = _first(bar.start for bar in later if bar.high >= zone.first)
        filled = _first(bar.start for bar in later if bar.high > zone.last)
        broken = _first(bar.start for bar in later if bar.close > zone.last)
    reached = (touched, filled, broken)
    state = list(ZoneState)[sum(at is not None for at in reached)]
    return Fate(state, *reached)


def _first(starts: Iterable[int]) -> int | None:
    return next(iter(starts), None)
