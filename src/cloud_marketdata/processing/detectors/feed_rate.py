"""A lasting change of how many events a feed brings, upwards or downwards, by Page-Hinkley.

The series is log(1 + events) of each second of our clock, trades and book apart, so that a rate
that halves weighs the same on a busy market as on a quiet one. The test's threshold is absolute, so
the series is divided by four times its own mean deviation, measured in the first five minutes of a
level. Seconds without an event count as such. A change is told once, when it is certain, and a new
level begins; it is information and spoils no answer.
"""

from collections.abc import Iterable
from math import log1p
from typing import ClassVar, Final

from msgspec import Struct, field

from cloud_marketdata.domain.signal import Severity, Signal, SignalKind, SignalState, signal_id
from cloud_marketdata.domain.values import NS_PER_S
from cloud_marketdata.processing.detectors.stale_feed import CHANNELS
from cloud_marketdata.processing.flow.moments import Arrival, Fold, Scene, Told
from cloud_marketdata.processing.metrics.robust import FadingMean, PageHinkley

MOST_EMPTY_S: Final = 3_600
MEASURED_S: Final = 300
DEVIATIONS: Final = 4
LEAST_DEVIATION: Final = 0.05
_NEVER_S: Final = 1e9
"""A half-life that forgets nothing within the minutes that are measured."""


class Rate(Struct):
    """One channel: the running second and its events, and the test of those before.

    since: the second in which the present level began. usual: its mean and deviation, measured
    until `unit`, by which values are divided, is known.
    """

    second: int
    since: int
    events: int = 0
    seen: int = 0
    unit: float = 0.0
    usual: FadingMean = field(default_factory=lambda: FadingMean(_NEVER_S))
    test: PageHinkley = field(default_factory=PageHinkley)

    def seconds(self, now: int) -> Iterable[tuple[int, float]]:
        """Yield the seconds that are over at second `now`, with their values.

        Of a silence of hours only the first one is counted: the rest would say the same.
        """
        yield self.second, log1p(self.events)
        for second in range(self.second + 1, min(now, self.second + MOST_EMPTY_S)):
            yield second, 0.0
        self.second, self.events = now, 0

    def add(self, second: int, value: float) -> int:
        """Take a second's value; return 1 or -1 where the level has risen or fallen, else 0."""
        if not self.unit:
            self.usual.add(second * NS_PER_S, value)
            self.seen += 1
            if self.seen >= MEASURED_S:
                self.unit = DEVIATIONS * max(self.usual.deviation, LEAST_DEVIATION)
            return 0
        return self.test.add(value / self.unit)

    def begin(self, second: int) -> None:
        """Begin a new level."""
        self.since, self.seen, self.unit = second, 0, 0.0
        self.usual, self.test = FadingMean(_NEVER_S), PageHinkley()


class FeedRate(Fold):
    """Tells of changes of level of each channel's rate.

    The test says that its sum has passed the threshold, not by how much: there is no statistic.
    """

    name: ClassVar[str] = "feed_rate"
    rates: dict[str, Rate] = field(default_factory=dict)

    @property
    def warming(self) -> bool:
        """Whether a channel's level is not known yet."""
        return not self.rates or any(not rate.unit for rate in self.rates.values())

    def on_arrival(self, scene: Scene, arrival: Arrival) -> Told:
        """Count an entry's events; look at the seconds that are over."""
        if arrival.kind not in CHANNELS:
            return ()
        now = arrival.received_at // NS_PER_S
        rate = self.rates.get(arrival.kind)
        if rate is None:
            rate = self.rates[arrival.kind] = Rate(now, now)
        told: list[Signal] = []
        if now > rate.second:
            ahead = arrival.received_at - scene.time
            told += _changes(scene, arrival.kind, rate, now, ahead)
        rate.events += arrival.events
        return told


def _changes(scene: Scene, name: str, rate: Rate, now: int, ahead: int) -> Iterable[Signal]:
    """Yield what the seconds before `now` say; our clock is `ahead` ns of match time."""
    for second, value in rate.seconds(now):
        mean = rate.test.mean * rate.unit
        direction = rate.add(second, value)
        if direction:
            span = (rate.since * NS_PER_S - ahead, (second + 1) * NS_PER_S - ahead)
            yield _signal(scene, name, rate, span, (value, mean, direction))
            rate.begin(second + 1)


def _signal(
    scene: Scene,
    name: str,
    rate: Rate,
    span: tuple[int, int],
    change: tuple[float, float, int],
) -> Signal:
    value, mean, direction = change
    start, end = span
    return Signal(
        signal_id(SignalKind.FEED_RATE, scene.subject, end, name),
        SignalKind.FEED_RATE,
        scene.instrument,
        start,
        end,
        end,
        SignalState.RESOLVED,
        Severity.INFO,
        None,
        rate.test.threshold,
        mean,
        FeedRate.name,
        FeedRate.version,
        detail=_detail(name, rate, value, direction),
    )


def _detail(
    name: str, rate: Rate, value: float, direction: int
) -> dict[str, int | float | str | bool]:
    return {
        "channel": str(name),
        "direction": "burst" if direction > 0 else "drop",
        "unit": "log(1 + events per second)",
        "value": value,
        "divided_by": rate.unit,
        "delta": rate.test.delta,
        "alpha": rate.test.alpha,
    }
