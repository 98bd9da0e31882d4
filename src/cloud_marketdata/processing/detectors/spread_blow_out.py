"""A spread far wider than this market's own, for half a second or longer (definitions 4.1).

Wide is at least five times the median of the last hour's seconds, and at least their 99.9 %
quantile. What is told does not become usual until it has gone on for five minutes. Nothing is told
before ten minutes of seconds are known, nor of a crossed touch, which has no spread.
"""

from typing import ClassVar, Final, Self

from msgspec import field
from msgspec.structs import replace

from cloud_marketdata.domain.events import BookDelta, BookSnapshot, StatusEvent
from cloud_marketdata.domain.signal import Severity, Signal, SignalKind, SignalState, signal_id
from cloud_marketdata.domain.values import NS_PER_MS, NS_PER_S, canonical
from cloud_marketdata.processing.detectors.episode import Episode, Turn
from cloud_marketdata.processing.detectors.spread_levels import SpreadLevels
from cloud_marketdata.processing.detectors.telling import retold
from cloud_marketdata.processing.flow.moments import Fold, Quote, Scene, Second, Told

TIMES: Final = 5
SHARE: Final = 0.999
LASTING: Final = 500 * NS_PER_MS
ENOUGH: Final = 600


class SpreadBlowOut(Fold):
    """What is usual, what is wide (`least` ticks, 0 while nobody knows), and what goes on.

    worst: the widest spread of the stretch that goes on.
    """

    name: ClassVar[str] = "spread_blow_out"

    levels: SpreadLevels = field(default_factory=SpreadLevels)
    median: int = 0
    least: int = 0
    episode: Episode = field(default_factory=lambda: Episode(LASTING, LASTING))
    worst: int = 0
    signal: Signal | None = None

    @property
    def warming(self) -> bool:
        """Whether too few seconds are known."""
        return not self.least

    def on_book(self, scene: Scene, change: BookSnapshot | BookDelta) -> Told:
        """Look at the touch."""
        del change
        quote = scene.quote
        if quote is None or (quote.ask - quote.bid < self.least and self.episode.since is None):
            return ()
        return self._look(scene, scene.time)

    def on_second(self, scene: Scene, second: Second) -> Told:
        """Learn what is usual, and see whether what is wide has lasted."""
        end = second.start + NS_PER_S
        told, quote = self._look(scene, end), scene.quote
        if quote and quote.ask > quote.bid and self.episode.usual(end):
            self.levels.add(second.start, quote.ask - quote.bid)
        return told

    def on_minute(self, scene: Scene, start: int) -> Told:
        """Say anew what is wide."""
        del scene, start
        count, found = self.levels.quantiles(0.5, SHARE)
        self.median, self.least = 0, 0
        if count >= ENOUGH:
            self.median = found[0]
            self.least = max(TIMES * found[0], found[1])
        return ()

    def on_fact(self, scene: Scene, fact: StatusEvent) -> Told:
        """End what goes on where the book is lost."""
        del fact
        return (
            self._tell(scene, scene.time, self.episode.end(scene.time))
            if scene.book is None
            else ()
        )

    def rescaled(self, tick_factor: int, lot_factor: int) -> Self:
        """Return the same in finer ticks; what goes on is told on the grid it began with."""
        del lot_factor
        return replace(
            self,
            levels=self.levels.rescaled(tick_factor),
            median=self.median * tick_factor,
            least=self.least * tick_factor,
        )

    def _look(self, scene: Scene, time: int) -> Told:
        """Judge the touch that stands from `time` ns on."""
        quote = scene.quote
        if quote is None or not self.least:
            return ()
        spread = quote.ask - quote.bid
        turn = self.episode.turn(time, bad=spread >= self.least)
        if spread > self.worst and self.episode.since is not None:
            self.worst = spread
        told = self._tell(scene, time, turn) if turn else ()
        if self.episode.since is None:
            self.worst = 0
        return told

    def _tell(self, scene: Scene, time: int, turn: Turn | None) -> Told:
        quote, signal = scene.quote, self.signal
        if turn is Turn.OPENED and quote:
            self.signal = self._signal(scene, quote, time)
            return (self.signal,)
        if turn is not Turn.CLOSED or signal is None:
            return ()
        self.signal = None
        ratio = self.worst / self.median if self.median else signal.statistic
        done = retold(signal, end=self.episode.ended, state=SignalState.RESOLVED, statistic=ratio)
        return (done,)

    def _signal(self, scene: Scene, quote: Quote, time: int) -> Signal:
        start = self.episode.since or 0
        scale = scene.instrument.scale
        return Signal(
            id=signal_id(SignalKind.SPREAD_BLOW_OUT, scene.subject, start),
            kind=SignalKind.SPREAD_BLOW_OUT,
            instrument=scene.instrument,
            start=start,
            detected=time,
            end=None,
            state=SignalState.OPEN,
            severity=Severity.WARN,
            statistic=self.worst / self.median,
            threshold=self.least / self.median,
            baseline=1.0,
            detector=self.name,
            version=self.version,
            low=quote.bid,
            high=quote.ask,
            detail={
                "statistic": "spread / median of 1 h",
                "spread": canonical(scale.price(self.worst)),
                "median": canonical(scale.price(self.median)),
                "least": canonical(scale.price(self.least)),
                "times": TIMES,
                "share": SHARE,
                "lasting_ms": LASTING // NS_PER_MS,
            },
        )
