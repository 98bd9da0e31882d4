"""What is usual, told in a way that a few wild values cannot bend, and when it changes for good.

All of it lives in event time and in bounded state that can be stored: a median with its deviation
over a window of seconds, a mean with its deviation that forgets by half-life, and the Page-Hinkley
test of a change of level. A score is told only where there is enough to tell it from; how much is
enough is for the detector to say.
"""

from math import inf
from typing import Final

from msgspec import Struct

_SECOND: Final = 1_000_000_000
_MINUTE: Final = 60 * _SECOND
# Of a normal distribution: its standard deviation is 1 / 0.6745 median absolute deviations from
# the median, and 1.2533 mean absolute deviations from the mean.
PER_MAD: Final = 0.6745
_SD_PER_MEAN_DEVIATION: Final = 1.2533


class RollingMedian(Struct):
    """Median and median absolute deviation of one whole number per second, over a window.

    The figures are those at the beginning of the running minute, so that a burst does not raise
    the baseline it is judged by, and no second costs a sort. Whoever adds twice within a second
    leaves the later value; a second without a value is no value, not zero.

    minutes: length of the window. `kept` has a list of values by minute since the epoch.
    """

    minutes: int = 60
    median: float = 0.0
    mad: float = 0.0
    count: int = 0
    kept: dict[int, list[int]] = {}
    ends: int = 0
    last: int = -1

    def add(self, time: int, value: int) -> None:
        """Take the value of the second that begins at `time` ns; times ascend."""
        if time >= self.ends:
            self._turn(time // _MINUTE)
        values = self.kept[self.ends // _MINUTE - 1]
        second = time // _SECOND
        if second == self.last and values:
            values[-1] = value
        else:
            values.append(value)
            self.last = second

    def score(self, value: float, floor: float) -> float:
        """Return how far off `value` is, in standard deviations; positive above the median.

        floor: the least deviation that is believed, above 0; where nothing ever moves, the
        deviation is 0 and every change would be infinite.
        """
        return PER_MAD * (value - self.median) / max(self.mad, floor)

    def _turn(self, minute: int) -> None:
        """Take the baseline of what is inside, and begin a new minute."""
        first = minute - self.minutes
        self.kept = {old: values for old, values in self.kept.items() if old >= first}
        inside = sorted(value for values in self.kept.values() for value in values)
        self.count = len(inside)
        if inside:
            self.median = _middle(inside)
            self.mad = _middle(sorted(abs(value - self.median) for value in inside))
        self.kept[minute] = []
        self.ends = (minute + 1) * _MINUTE


class FadingMean(Struct):
    """Mean and mean absolute deviation whose values count half as much after each half-life.

    Every value weighs the same when it comes, whatever the time since the one before; `weight` is
    how many values like the newest those inside amount to.
    """

    half_life: float
    weight: float = 0.0
    total: float = 0.0
    spread: float = 0.0
    time: int = 0

    @property
    def mean(self) -> float:
        """The mean; 0 while there is nothing inside."""
        return self.total / self.weight if self.weight else 0.0

    @property
    def deviation(self) -> float:
        """The mean absolute deviation of values from the mean that each of them met."""
        return self.spread / self.weight if self.weight else 0.0

    def add(self, time: int, value: float) -> None:
        """Take a value at `time` ns; times ascend, half-lives are seconds."""
        left = 0.5 ** ((time - self.time) / (_SECOND * self.half_life)) if self.weight else 0.0
        off = abs(value - self.mean) if self.weight else 0.0
        self.time = time
        self.weight = self.weight * left + 1
        self.total = self.total * left + value
        self.spread = self.spread * left + off

    def score(self, value: float, floor: float) -> float:
        """Return how far off `value` is, in standard deviations of a normal distribution.

        floor: the least mean absolute deviation that is believed, above 0.
        """
        return (value - self.mean) / (_SD_PER_MEAN_DEVIATION * max(self.deviation, floor))


class PageHinkley(Struct):
    """Whether the level of a series has changed, upwards or downwards (Page, Hinkley).

    It adds up how far values lie off their mean so far, less `delta`, forgetting by `alpha`, and
    finds a change where that has come `threshold` above its lowest or below its highest point.
    The threshold is absolute: values are scaled to about 1 before. After a change all begins anew.
    """

    least: int = 30
    delta: float = 0.005
    threshold: float = 50.0
    alpha: float = 0.9999
    count: int = 0
    mean: float = 0.0
    rise: float = 0.0
    fall: float = 0.0
    lowest: float = inf
    highest: float = -inf

    def add(self, value: float) -> int:
        """Take a value; return 1 where the level has risen, -1 where it has fallen, otherwise 0."""
        self.count += 1
        self.mean += (value - self.mean) / self.count
        off = value - self.mean
        self.rise = self.alpha * self.rise + off - self.delta
        self.fall = self.alpha * self.fall + off + self.delta
        self.lowest = min(self.lowest, self.rise)
        self.highest = max(self.highest, self.fall)
        if self.count < self.least:
            return 0
        found = self._found()
        if found:
            self._begin_anew()
        return found

    def _found(self) -> int:
        if self.rise - self.lowest > self.threshold:
            return 1
        return -1 if self.highest - self.fall > self.threshold else 0

    def _begin_anew(self) -> None:
        self.count = 0
        self.mean = self.rise = self.fall = 0.0
        self.lowest, self.highest = inf, -inf


def _middle(ordered: list[int] | list[float]) -> float:
    """Return the median of at least one value in ascending order."""
    half = len(ordered) // 2
    # A float even where it is whole, so that stored state reads back as the same bytes.
    return (ordered[half - 1 + len(ordered) % 2] + ordered[half]) / 2
