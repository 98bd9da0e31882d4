"""Two markets that trade the same thing at prices that do not belong together.

x = ln(mid of the first / mid of the second) against its own mean and mean deviation, both with a
half-life of 10 min. It fires when |z| > 6 at every look for 1 s, looks being 100 ms apart and both
markets fresh; it is over when |z| < 3. What is suspected is no part of the baseline, but a distance
that stays for a half-life is: then it is the new usual one. Named is the market whose own mid went
further apart from where it was a second before the first look beyond.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from msgspec import Struct, field

from cloud_marketdata.domain.values import NS_PER_S
from cloud_marketdata.processing.metrics.robust import FadingMean

HALF_LIFE_S: Final = 600.0
FIRE_Z: Final = 6.0
OVER_Z: Final = 3.0
LASTING_NS: Final = NS_PER_S
LEAST_LOOKS: Final = 1_200
LOOKS_BACK: Final = 10
_MOST_BACK: Final = 32
_UNIT_BP: Final = 1e-3


class Look(NamedTuple):
    """One look at both: when (ns), the levels of the mids (units of 1e-7), and half a tick of it.

    floor: the least mean deviation of x that is believed, because prices come in ticks.
    """

    time: int
    first: int
    second: int
    floor: float

    @property
    def x(self) -> float:
        """The logarithm of the ratio of the mids."""
        return (self.first - self.second) * 1e-7


class Found(Struct):
    """A divergence that has been told, as it stands; `moved` is 0 or 1 for the market that moved.

    start: of the first look that was beyond. moves: by how much either mid moved, in bp.
    """

    start: int
    detected: int
    z: float
    x_bp: float
    usual_bp: float
    deviation_bp: float
    moved: int
    moves: tuple[float, float]
    peak_z: float
    end: int | None = None


class Divergence(Struct):
    """The baseline, the last ordinary looks, and what is suspected or told.

    since: time of the first look beyond, in a row, or 0. before: the look a second before all of
    those beyond, also where the row was broken by a moment that was not fresh.
    """

    usual: FadingMean = field(default_factory=lambda: FadingMean(HALF_LIFE_S))
    looks: int = 0
    recent: list[Look] = field(default_factory=list)
    since: int = 0
    before: Look | None = None
    told: Found | None = None

    @property
    def warming(self) -> bool:
        """Whether the baseline rests on less than two minutes of looks."""
        return self.looks < LEAST_LOOKS

    def blind(self) -> None:
        """Note a moment in which one market is not fresh: nothing lasts across it."""
        self.since = 0

    def look(self, look: Look) -> Iterable[Found]:
        """Take a look; tells a divergence when it is certain, and again when it is over."""
        if self.warming:
            self._learn(look)
            return ()
        z = self.usual.score(look.x, look.floor)
        if self.told is not None:
            return self._goes_on(self.told, look, z)
        return self._suspect(look, z)

    def _suspect(self, look: Look, z: float) -> Iterable[Found]:
        if abs(z) <= FIRE_Z:
            self.since, self.before = 0, None
            self._learn(look)
            return ()
        self.since = self.since or look.time
        if self.before is None:
            self.before = self.recent[-LOOKS_BACK:][0] if self.recent else look
        if look.time - self.since < LASTING_NS:
            return ()
        self.told = found = self._found(look, z)
        return (found,)

    def _goes_on(self, told: Found, look: Look, z: float) -> Iterable[Found]:
        told.peak_z = max(told.peak_z, z, key=abs)
        if look.time - told.start > HALF_LIFE_S * NS_PER_S:
            self._learn(look)
        if abs(z) >= OVER_Z:
            return ()
        told.end = look.time
        self.told, self.since, self.before = None, 0, None
        return (told,)

    def _found(self, look: Look, z: float) -> Found:
        before = self.before or look
        moves = (look.first - before.first, look.second - before.second)
        sign = 1 if z > 0 else -1
        # The first rising and the second falling both widen a positive x.
        widened = (sign * moves[0], -sign * moves[1])
        return Found(
            self.since,
            look.time,
            z,
            look.x * 1e4,
            self.usual.mean * 1e4,
            self.usual.deviation * 1e4,
            int(widened[1] > widened[0]),
            (moves[0] * _UNIT_BP, moves[1] * _UNIT_BP),
            z,
        )

    def _learn(self, look: Look) -> None:
        self.usual.add(look.time, look.x)
        self.looks += 1
        self.recent.append(look)
        if len(self.recent) > _MOST_BACK:
            del self.recent[:-LOOKS_BACK]
