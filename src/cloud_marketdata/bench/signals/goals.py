"""The marks that detectors shall reach, at which sizes, and why some of them cannot.

A size is left out where the definition itself says that it is nothing to be told; that is decided
by the definition's own threshold, not by what was found.
"""

from collections.abc import Iterator
from typing import Final

from cloud_marketdata.bench.scoring.marks import Marks
from cloud_marketdata.domain.signal import SignalKind as Kind

RECALL: Final = 0.95
PRECISION: Final = 0.90
LAG_MS: Final = 5
GOALS: Final = (
    Kind.ABSORPTION,
    Kind.SWEEP,
    Kind.LARGE_TRADE,
    Kind.PRICE_SPIKE,
    Kind.STALE_FEED,
    Kind.SEQUENCE_GAP,
    Kind.TRADE_GAP,
    Kind.DIVERGENCE,
    Kind.VENUE_DIVERGENCE,
    Kind.VOLUME_SPIKE,
)
BELOW: Final = {Kind.PRICE_SPIKE: ("5 bp",)}
_UNPLANTED: Final = "Nothing of the kind is planted"
WHY: Final = {
    Kind.PRICE_SPIKE: "5 bp lies below the definition's floor of 10 bp: left out of the mark.",
    Kind.VOLUME_SPIKE: "Missed, by definition: the logarithm of a second's volume is spread so "
    "widely that x50 reaches a modified z of about 3, as the largest seconds of the captures do, "
    "and the definition asks for 6. A lower cut would tell of ordinary bursts. Large volume is "
    "told by `large_trade`, `sweep` and `absorption`.",
    Kind.DIVERGENCE: "Many a minute goes against its delta by chance, so precision says little "
    "here (see its blind share).",
    Kind.DUPLICATES: "Repeats never reach the log: the collectors drop and count them, so there "
    "is nothing to tell of. What was dropped is counted above.",
    Kind.CLOCK_SKEW: "The alarm of the median is told at the end of a minute. False are alarms of "
    "the second rule, Page-Hinkley on the smallest delay: it remembers a step for long and tells "
    "of it again up to half an hour later.",
    Kind.FEED_RATE: f"{_UNPLANTED}. Page-Hinkley tells of changes that the crowd's own busy and "
    "quiet minutes make.",
    Kind.EXHAUSTION: f"{_UNPLANTED}; bars are what they are by chance.",
    Kind.FLOW_ABSORPTION: f"{_UNPLANTED}; seconds are what they are by chance.",
    Kind.WASH_LIKE: f"{_UNPLANTED}: the crowd's sizes are drawn, not traded.",
}


def judged_sizes(kind: Kind, marks: Marks) -> list[str]:
    """Return the sizes that count for the mark."""
    return [size for size in marks.sizes if size not in BELOW.get(kind, ())]


def missed(kind: Kind, marks: Marks) -> Iterator[str]:
    """Yield which marks a kind does not reach."""
    recall, precision = marks.whole(judged_sizes(kind, marks)).recall, marks.precision
    if recall is not None and recall < RECALL:
        yield f"recall {recall:.3f} < {RECALL}"
    if precision is not None and precision < PRECISION:
        yield f"precision {precision:.3f} < {PRECISION}"
