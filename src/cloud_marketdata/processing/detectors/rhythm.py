"""How long a stream is usually silent: the 99 % quantile of its gaps, which forgets by half-life.

Gaps fall into bins a tenth wide, and a gap weighs half as much for every half-life since. So the
state is bounded by the range of gaps, and its answer is at most a tenth too long. Newer gaps get
growing weights instead of older ones shrinking ones, which makes taking a gap cheap.
"""

from math import ceil, log
from typing import Final

from msgspec import Struct, field

_SECOND: Final = 1_000_000_000
_SHORTEST_NS: Final = 1_000_000
_RATIO: Final = 1.1
_PER_BIN: Final = 1 / log(_RATIO)
_LARGEST: Final = 2.0**60


class Rhythm(Struct):
    """The gaps of one stream; gaps shorter than a millisecond count as one.

    half_life: seconds. `count` is how many gaps were ever taken.
    """

    half_life: float = 600.0
    count: int = 0
    since: int = 0
    bins: dict[int, float] = field(default_factory=dict)

    def add(self, time: int, gap: int) -> None:
        """Take a gap of `gap` ns that ended at `time` ns; times ascend."""
        weight = 2.0 ** ((time - self.since) / (_SECOND * self.half_life)) if self.count else 1.0
        if not self.count or weight > _LARGEST:
            self._rebase(time, weight)
            weight = 1.0
        self.count += 1
        key = ceil(log(gap / _SHORTEST_NS) * _PER_BIN) if gap > _SHORTEST_NS else 0
        self.bins[key] = self.bins.get(key, 0.0) + weight

    def usual(self, share: float = 0.99) -> int:
        """Return the gap in ns that `share` of the weight does not exceed; 0 without gaps."""
        left = (1 - share) * sum(self.bins.values())
        for key in sorted(self.bins, reverse=True):
            left -= self.bins[key]
            if left < 0:
                return round(_SHORTEST_NS * _RATIO**key)
        return 0

    def _rebase(self, time: int, weight: float) -> None:
        """Count weights from `time` on; what has become next to nothing is let go."""
        self.since = time
        faded = {key: kept / weight for key, kept in self.bins.items()}
        self.bins = {key: kept for key, kept in faded.items() if kept > 1 / _LARGEST}
