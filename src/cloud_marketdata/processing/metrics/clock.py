"""How a market's messages run against our clock: the time from the venue's stamp to our receipt.

The smallest delay of a minute is the distance of the two clocks plus the fastest way the network
had; the median is what is usual. A delay below zero means that clocks differ, since nothing arrives
before it was sent. Whole milliseconds, rounded down, because that is what venues stamp.
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct, field

from cloud_marketdata.domain.flow import Reading
from cloud_marketdata.domain.instrument import Scale
from cloud_marketdata.domain.values import NS_PER_MS
from cloud_marketdata.processing.metrics.measures import Figure

NAME = "clock"
MOST_VALUES = 4_096
"""Distinct delays a minute; one more counts as the nearest that is there."""


class Delays(Struct):
    """The delays of one minute, counted by millisecond."""

    counts: dict[int, int] = field(default_factory=dict)
    least_ns: int | None = None

    def add(self, delay: int) -> None:
        """Take a delay in ns."""
        if self.least_ns is None or delay < self.least_ns:
            self.least_ns = delay
        key = delay // NS_PER_MS
        counts = self.counts
        if key not in counts and len(counts) >= MOST_VALUES:
            key = min(counts, key=lambda known: (abs(known - key), known))
        counts[key] = counts.get(key, 0) + 1

    def median(self) -> int:
        """Return the median in ms, the lower one of two; there must be a delay inside."""
        left = (sum(self.counts.values()) - 1) // 2
        for key in sorted(self.counts):
            left -= self.counts[key]
            if left < 0:
                return key
        msg = "no delay is inside"
        raise ValueError(msg)

    def reading(self) -> Reading | None:
        """Return the figures of the minute, or None where nothing came."""
        if self.least_ns is None:
            return None
        median, n = self.median(), sum(self.counts.values())
        return {
            "n": n,
            "min_ms": self.least_ns // NS_PER_MS,
            "median_ms": median,
            "median_low_ms": median,
            "median_high_ms": median,
        }


def merged(readings: Sequence[Reading]) -> Reading:
    """Return the smallest delay of all and the range of the medians; medians do not merge."""
    if len(readings) == 1:
        return readings[0]
    return {
        "n": sum(_whole(one, "n") for one in readings),
        "min_ms": min(_whole(one, "min_ms") for one in readings),
        "median_ms": None,
        "median_low_ms": min(_whole(one, "median_low_ms") for one in readings),
        "median_high_ms": max(_whole(one, "median_high_ms") for one in readings),
    }


def described(reading: Reading, _scale: Scale) -> Mapping[str, Figure]:
    """Return the figures as they are: they count milliseconds on every grid."""
    return {name: value for name, value in reading.items() if not isinstance(value, list)}


def _whole(reading: Reading, name: str) -> int:
    value = reading[name]
    assert isinstance(value, int), f"{name} of a clock reading is a whole number"
    return value
