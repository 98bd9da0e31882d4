"""Much less resting near the mid than is usual (definitions 4.1).

At the end of each second the lots of both sides within 10 bp of the mid are held against the median
of the last hour; below a fifth of it the book has collapsed. Where the venue's book is not known as
far as 10 bp there is no sample, so such a market stays warming. Nothing is told before ten minutes
of samples; a collapse becomes usual when it has lasted for half of what is known.
"""

from typing import ClassVar, Final, Self

from msgspec import field
from msgspec.structs import replace

from cloud_marketdata.domain.events import StatusEvent
from cloud_marketdata.domain.signal import Severity, Signal, SignalKind, SignalState, signal_id
from cloud_marketdata.domain.values import NS_PER_S, canonical
from cloud_marketdata.processing.detectors.episode import Episode, Turn
from cloud_marketdata.processing.detectors.telling import retold
from cloud_marketdata.processing.flow.moments import Fold, Quote, Scene, Second, Told
from cloud_marketdata.processing.metrics.book_depth import depths_within
from cloud_marketdata.processing.metrics.robust import RollingMedian

BAND: Final = 10
SHARE: Final = 0.2
ENOUGH: Final = 600


class DepthCollapse(Fold):
    """What is usual, and the collapse that goes on; `least` is its smallest share so far."""

    name: ClassVar[str] = "depth_collapse"

    usual: RollingMedian = field(default_factory=RollingMedian)
    episode: Episode = field(default_factory=lambda: Episode(0, NS_PER_S))
    least: float = 1.0
    signal: Signal | None = None

    @property
    def warming(self) -> bool:
        """Whether too few seconds are known."""
        return self.usual.count < ENOUGH

    def on_second(self, scene: Scene, second: Second) -> Told:
        """Take the depth at the end of a second."""
        quote, book = scene.quote, scene.book
        if quote is None or book is None or quote.bid >= quote.ask:
            return ()
        (depth,) = depths_within(book, quote.twice_mid, (BAND,))
        if not depth.complete:
            return ()
        time, lots = second.start + NS_PER_S, depth.bids + depth.asks
        told = self._judge(scene, quote, time, lots) if not self.warming else ()
        self.usual.add(second.start, lots)
        return told

    def on_fact(self, scene: Scene, fact: StatusEvent) -> Told:
        """End what goes on where the book is lost."""
        del fact
        return self._close(self.episode.end(scene.time)) if scene.book is None else ()

    def rescaled(self, tick_factor: int, lot_factor: int) -> Self:
        """Return the same in finer lots; what goes on is told on the grid it began with."""
        del tick_factor
        kept = {
            minute: [lots * lot_factor for lots in samples]
            for minute, samples in self.usual.kept.items()
        }
        return replace(
            self,
            usual=replace(
                self.usual,
                kept=kept,
                median=self.usual.median * lot_factor,
                mad=self.usual.mad * lot_factor,
            ),
        )

    def _judge(self, scene: Scene, quote: Quote, time: int, lots: int) -> Told:
        share = lots / self.usual.median if self.usual.median else 1.0
        turn = self.episode.turn(time, bad=share < SHARE)
        self.least = min(self.least, share)
        if turn is Turn.OPENED:
            self.least = share
            self.signal = self._signal(scene, quote, time, lots)
            return (self.signal,)
        return self._close(turn)

    def _close(self, turn: Turn | None) -> Told:
        signal = self.signal
        if turn is not Turn.CLOSED or signal is None:
            return ()
        self.signal = None
        done = retold(
            signal, end=self.episode.ended, state=SignalState.RESOLVED, statistic=self.least
        )
        return (done,)

    def _signal(self, scene: Scene, quote: Quote, time: int, lots: int) -> Signal:
        scale = scene.instrument.scale
        return Signal(
            id=signal_id(SignalKind.DEPTH_COLLAPSE, scene.subject, time),
            kind=SignalKind.DEPTH_COLLAPSE,
            instrument=scene.instrument,
            start=time,
            detected=time,
            end=None,
            state=SignalState.OPEN,
            severity=Severity.WARN,
            statistic=self.least,
            threshold=SHARE,
            baseline=1.0,
            detector=self.name,
            version=self.version,
            low=quote.bid,
            high=quote.ask,
            size=lots,
            detail={
                "statistic": "depth / median of 1 h",
                "band_bp": BAND,
                "depth": canonical(scale.size(lots)),
                "median": canonical(scale.size(round(self.usual.median))),
            },
        )
