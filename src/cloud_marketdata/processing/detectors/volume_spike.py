"""A second that trades far more than the seconds of the last hour (definitions 4.1).

The value is log(1 + lots) of one second, less what its minute of the day usually has once seven
days are known; told is a modified z above 6. Of seconds without a trade the value is 0, and the
deviation is believed from 0.35 on, half of a doubling: otherwise a market in which most seconds are
empty would be one long alarm. Volumes are spread so widely that 6 is a factor of hundreds on most
markets: a volume that is ten times the usual one is not told. Nothing is told before 300 seconds.
"""

from math import exp, log1p
from typing import ClassVar, Final

from msgspec import field

from cloud_marketdata.domain.signal import (
    Evidence,
    Severity,
    Signal,
    SignalKind,
    SignalState,
    signal_id,
)
from cloud_marketdata.domain.values import NS_PER_S
from cloud_marketdata.processing.detectors.burst import Burst
from cloud_marketdata.processing.detectors.season import Season
from cloud_marketdata.processing.flow.moments import Fold, Scene, Second, Told
from cloud_marketdata.processing.metrics.robust import RollingMedian

CUT: Final = 6.0
FLOOR: Final = 0.35
LEAST_SECONDS: Final = 300
QUIET: Final = 5 * NS_PER_S
# Logarithms are whole thousandths, so that the window is small.
_PARTS: Final = 1_000


class VolumeSpike(Fold):
    """Logarithms of volume of the last hour, their season, and the spike that goes on."""

    name: ClassVar[str] = "volume_spike"

    volumes: RollingMedian = field(default_factory=RollingMedian)
    season: Season = field(default_factory=Season)
    burst: Burst = field(default_factory=lambda: Burst(QUIET))

    def on_second(self, scene: Scene, second: Second) -> Told:
        """Judge the second, then count it."""
        told = list(self.burst.passed(second.start))
        value = round(log1p(second.buy + second.sell) * _PARTS)
        usual = self.season.usual(second.start)
        self.season.add(second.start, value)
        off = value - (usual or 0)
        self.volumes.add(second.start, off)
        if not self.warming:
            score = self.volumes.score(off, FLOOR * _PARTS)
            if score > CUT:
                moment = self._moment(scene, second, score, usual)
                told += self.burst.seen(moment, second.start + NS_PER_S)
        return told

    @property
    def warming(self) -> bool:
        """Whether the baseline has fewer than 300 seconds."""
        return self.volumes.count < LEAST_SECONDS

    def rescaled(self, tick_factor: int, lot_factor: int) -> "VolumeSpike":
        """Begin the hour anew: log(1 + lots) depends on the lot, and so does a season of it."""
        del tick_factor, lot_factor
        return VolumeSpike()

    def _moment(self, scene: Scene, second: Second, score: float, usual: int | None) -> Signal:
        lots = second.buy + second.sell
        centre = (self.volumes.median + (usual or 0)) / _PARTS
        return Signal(
            signal_id(SignalKind.VOLUME_SPIKE, scene.subject, second.start),
            SignalKind.VOLUME_SPIKE,
            scene.instrument,
            second.start,
            second.start + NS_PER_S,
            None,
            SignalState.OPEN,
            Severity.INFO,
            score,
            CUT,
            centre,
            self.name,
            self.version,
            Evidence(second.first_id, second.last_id, second.trades),
            low=second.low,
            high=second.high,
            size=lots,
            detail={
                "statistic": "modified z of log(1 + lots) of 1 s",
                "times_usual": (1 + lots) / exp(centre),
                "mad": self.volumes.mad / _PARTS,
                "seconds": self.volumes.count,
                "seasonal": usual is not None,
            },
        )
