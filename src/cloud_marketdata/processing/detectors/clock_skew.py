"""The venue's clock against ours: a reading every minute, an alarm where they differ, and drift.

The alarm is open while the median delay of a minute is below zero or more than 250 ms away from it;
a drift is a lasting change of the smallest delay (Page-Hinkley, in units of 10 ms, which makes its
threshold 500 ms times minutes). Entries whose match time is behind the newest of their stream are
left out: they were filled in, and their age is no delay. That is forgotten with every minute, so
that one stamp far ahead cannot silence the rest. Nothing here corrects a time.
"""

from collections.abc import Iterable
from typing import ClassVar, Final

from msgspec import field

from cloud_marketdata.domain.flow import Reading
from cloud_marketdata.domain.signal import Severity, Signal, SignalKind, SignalState, signal_id
from cloud_marketdata.domain.values import NS_PER_MS, Timeframe
from cloud_marketdata.processing.detectors.stale_feed import CHANNELS
from cloud_marketdata.processing.flow.moments import Arrival, Fold, Scene, Told
from cloud_marketdata.processing.metrics.clock import NAME, Delays
from cloud_marketdata.processing.metrics.robust import PageHinkley

MOST_MS: Final = 250
LEAST_ENTRIES: Final = 30
DRIFT_UNIT_MS: Final = 10
AFFECTS: Final = ("lead_lag", "venue_divergence", "staleness_ms")


class ClockSkew(Fold):
    """Tells readings and alarms of one market's delays.

    newest: match time of the minute's newest entry of each stream. opened, detected, told: the
    alarm that is open began there, was first told then, and has been told so often.
    """

    name: ClassVar[str] = NAME
    delays: Delays = field(default_factory=Delays)
    newest: dict[str, int] = field(default_factory=dict)
    drift: PageHinkley = field(default_factory=PageHinkley)
    opened: int = 0
    detected: int = 0
    told: int = 0

    @property
    def warming(self) -> bool:
        """Whether drift cannot be judged yet; the alarm needs no baseline."""
        return self.drift.count < self.drift.least

    def on_arrival(self, _scene: Scene, arrival: Arrival) -> Told:
        """Take the delay of an entry's last event."""
        kind, _, time, received = arrival
        # What was asked for by REST may have no stamp of the venue's, and bears ours twice.
        if kind in CHANNELS and time != received and time >= self.newest.get(kind, 0):
            self.newest[kind] = time
            self.delays.add(received - time)
        return ()

    def on_minute(self, scene: Scene, start: int) -> Told:
        """Judge the minute that is over; one with few entries changes nothing.

        A connection begins with what had been waiting for it, which is older than its way is long.
        """
        delays = self.delays
        if delays.least_ns is None or sum(delays.counts.values()) < LEAST_ENTRIES:
            return ()
        told = list(self._alarms(scene, start, delays.median()))
        least_ms = delays.least_ns / NS_PER_MS
        before = self.drift.mean
        direction = self.drift.add(least_ms / DRIFT_UNIT_MS)
        if direction:
            told.append(_drifted(scene, start, least_ms, before * DRIFT_UNIT_MS))
        return told

    def reading(self, _scene: Scene) -> Reading | None:
        """Return min, median and number of the minute's delays, in ms."""
        made = self.delays.reading()
        self.delays = Delays()
        self.newest = {}
        return made

    def _alarms(self, scene: Scene, start: int, median: int) -> Iterable[Signal]:
        wrong = median < 0 or median > MOST_MS
        end = start + Timeframe.M1.ns
        if wrong and not self.opened:
            self.opened, self.detected, self.told = start, end, 0
            yield _alarm(scene, self, median, None)
        elif not wrong and self.opened:
            self.told += 1
            yield _alarm(scene, self, median, start)
            self.opened = 0


def _alarm(scene: Scene, clock: ClockSkew, median: int, end: int | None) -> Signal:
    return Signal(
        signal_id(SignalKind.CLOCK_SKEW, scene.subject, clock.opened, "offset"),
        SignalKind.CLOCK_SKEW,
        scene.instrument,
        clock.opened,
        clock.detected,
        end,
        SignalState.OPEN if end is None else SignalState.RESOLVED,
        Severity.WARN,
        float(median),
        float(MOST_MS),
        0.0,
        "clock_skew",
        ClockSkew.version,
        affects=AFFECTS,
        detail={"test": "median delay", "unit": "ms", "allowed_low": 0, "allowed_high": MOST_MS},
        revision=clock.told,
    )


def _drifted(scene: Scene, start: int, least_ms: float, mean_ms: float) -> Signal:
    end = start + Timeframe.M1.ns
    return Signal(
        signal_id(SignalKind.CLOCK_SKEW, scene.subject, start, "drift"),
        SignalKind.CLOCK_SKEW,
        scene.instrument,
        start,
        end,
        end,
        SignalState.RESOLVED,
        Severity.INFO,
        least_ms,
        None,
        mean_ms,
        "clock_skew",
        ClockSkew.version,
        affects=AFFECTS,
        detail={"test": "page_hinkley of the smallest delay", "unit": "ms"},
    )
