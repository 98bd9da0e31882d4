"""Moments out of the ordinary that follow each other closely are one signal.

It is told when it begins, again where it becomes worse, and a last time when it has been quiet for
long enough. What the moments in between brought, their trades and their volume, is in the next
telling. A moment of the other side, or on another grid, is a burst of its own.
"""

from msgspec import Struct
from msgspec.structs import replace

from cloud_marketdata.domain.signal import Evidence, Signal, SignalState
from cloud_marketdata.processing.detectors.telling import retold
from cloud_marketdata.processing.flow.moments import Told


class Burst(Struct):
    """The burst that goes on, if any, and the end of its last moment; `quiet` ns end it."""

    quiet: int
    signal: Signal | None = None
    last: int = 0

    def seen(self, moment: Signal, end: int) -> Told:
        """Take a moment that ends at `end` ns, as the open signal that it would be alone."""
        told = list(self._ended()) if self.signal and _other(self.signal, moment) else []
        self.last = end
        if self.signal is None:
            self.signal = moment
            return (*told, moment)
        worse = abs(moment.statistic or 0.0) > abs(self.signal.statistic or 0.0)
        self.signal = _joined(self.signal, moment)
        if not worse:
            return ()
        self.signal = retold(
            self.signal,
            statistic=moment.statistic,
            threshold=moment.threshold,
            baseline=moment.baseline,
            severity=moment.severity,
            detail=moment.detail,
        )
        return (self.signal,)

    def passed(self, time: int) -> Told:
        """Tell its end where nothing has come for long enough at `time` ns."""
        return self._ended() if self.signal and time - self.last >= self.quiet else ()

    def _ended(self) -> Told:
        signal, self.signal = self.signal, None
        if signal is None:
            return ()
        return (retold(signal, state=SignalState.RESOLVED, end=self.last),)


def _other(signal: Signal, moment: Signal) -> bool:
    return signal.side is not moment.side or signal.instrument.scale != moment.instrument.scale


def _joined(signal: Signal, moment: Signal) -> Signal:
    """Return the signal with the prices, the volume and the trades of one more moment."""
    first, more = signal.evidence, moment.evidence
    return replace(
        signal,
        low=min((low for low in (signal.low, moment.low) if low is not None), default=None),
        high=max((high for high in (signal.high, moment.high) if high is not None), default=None),
        size=(signal.size or 0) + (moment.size or 0),
        evidence=Evidence(
            more.first_id if first.first_id is None else first.first_id,
            first.last_id if more.last_id is None else more.last_id,
            first.trades + more.trades,
        ),
    )
