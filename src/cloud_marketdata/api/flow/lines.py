"""Bars with their points of CVD, and how price and delta part in them.

All sums are taken on the finest grid that any of the bars is counted on. Swings are compared by how
far delta came between two bars, which no reset changes; over a gap nothing is compared.
"""

from collections.abc import Sequence

from msgspec import Struct

from cloud_marketdata.domain.aggregate import Aggregate
from cloud_marketdata.domain.bar import Bar
from cloud_marketdata.domain.instrument import Scale
from cloud_marketdata.processing.metrics.cvd import Gaps, Point, Policy, Reset, Step, cvd
from cloud_marketdata.processing.metrics.divergence import (
    LENGTH,
    Divergence,
    Swing,
    of_bar,
    of_swing,
)


class Line(Struct, frozen=True):
    """A bar with its point of CVD in lots of `scale`.

    swing: how it diverges from the bars before it, None where there are too few of them.
    """

    part: Aggregate
    bar: Bar
    point: Point
    scale: Scale
    inside: Divergence | None
    swing: tuple[Divergence, ...] | None


def bar_delta(bar: Bar) -> int:
    """Return what takers bought less what they sold, in lots."""
    return 2 * bar.taker_buy_volume - bar.volume


def lines_of(
    base: Sequence[Aggregate], since: int, bars: Sequence[Aggregate], reset: Reset, gaps: Gaps
) -> list[Line]:
    """Return a line for each bar in which something traded; bars ascend.

    base: parts that hold what was traded from `since` up to the first bar.
    """
    traded = [(part, part.bar) for part in bars if part.bar]
    if not traded:
        return []
    scale = traded[0][0].scale
    for part in (*base, *bars):
        scale = scale.meet(part.scale)
    steps = [Step(part.start, part.end, _lots(part, bar, scale)) for part, bar in traded]
    before = sum(_lots(part, part.bar, scale) for part in base if part.bar)
    points = cvd([Step(since, since, before), *steps] if base else steps, reset, gaps)
    swings = _swings(traded, cvd(steps, Reset(Policy.NONE), gaps), scale)
    return [
        Line(
            part,
            bar,
            point,
            scale,
            of_bar(bar.open, bar.close, bar_delta(bar)),
            of_swing(swings[max(0, at - LENGTH) : at], swings[at]),
        )
        for at, ((part, bar), point) in enumerate(
            zip(traded, points[len(points) - len(steps) :], strict=True)
        )
    ]


def _lots(part: Aggregate, bar: Bar, scale: Scale) -> int:
    return bar_delta(bar) * part.scale.factors(scale)[1]


def _swings(
    traded: Sequence[tuple[Aggregate, Bar]], running: Sequence[Point], scale: Scale
) -> list[Swing]:
    made = []
    for (part, bar), point in zip(traded, running, strict=True):
        tick, _ = part.scale.factors(scale)
        assert point.cvd is not None, "a sum that is never reset is there from the first bar on"
        made.append(Swing(bar.high * tick, bar.low * tick, point.cvd, point.segment))
    return made
