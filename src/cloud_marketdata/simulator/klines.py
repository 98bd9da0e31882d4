"""What a venue tells of its minutes: their bars, in its own time, with what faults make of them.

A skewed venue has skewed minutes: a bar's start is moved like the times of its trades, and a
question is understood in those times. A skew that is no whole minute makes minutes that nobody has.
"""

from msgspec.structs import replace

from cloud_marketdata.simulator.faults.klines import Falsify
from cloud_marketdata.simulator.faults.mischief import Mischief
from cloud_marketdata.simulator.minutes import MinuteBar, Minutes


def told(
    minutes: Minutes,
    mischief: Mischief,
    symbol: str,
    span: tuple[int | None, int | None],
    limit: int,
) -> list[MinuteBar]:
    """Return the bars of a span of starts in ms, both included and either left open, ascending."""
    shift = mischief.skew_ms
    start, end = (None if at is None else at - shift for at in span)
    bars = [replace(bar, start=bar.start + shift) for bar in minutes.between(start, end, limit)]
    for fault in mischief.of(Falsify):
        bars = fault.told(symbol, bars)
    return bars
