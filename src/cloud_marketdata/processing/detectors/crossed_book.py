"""A book whose best bid is at or above its best ask after a whole message (definitions 4.1).

No venue leaves such a book standing, so a message was lost or misread: whatever is made of the
book is in doubt. Told at the first such message, critical after a second, over with the first
message that uncrosses it, or when the book is given up.
"""

from typing import ClassVar

from msgspec.structs import replace

from cloud_marketdata.domain.events import BookDelta, BookSnapshot, StatusEvent
from cloud_marketdata.domain.signal import Severity, Signal, SignalKind, SignalState, signal_id
from cloud_marketdata.domain.values import NS_PER_S
from cloud_marketdata.processing.detectors.sequence_gap import AFFECTS
from cloud_marketdata.processing.detectors.telling import retold
from cloud_marketdata.processing.flow.moments import Fold, Scene, Told

_CRITICAL_AFTER = NS_PER_S


class CrossedBook(Fold):
    """The crossing that goes on, if any, and how many messages it has had."""

    name: ClassVar[str] = "crossed_book"

    signal: Signal | None = None
    messages: int = 0

    def on_book(self, scene: Scene, change: BookSnapshot | BookDelta) -> Told:
        """Look at the touch after a whole message."""
        del change
        crossed = scene.book is not None and scene.book.crossed
        if crossed:
            return self._crossed(scene)
        return self._over(scene) if self.signal else ()

    def on_fact(self, scene: Scene, fact: StatusEvent) -> Told:
        """End it where the book is given up."""
        del fact
        return self._over(scene) if self.signal and scene.book is None else ()

    def rescaled(self, tick_factor: int, lot_factor: int) -> "CrossedBook":
        """Return the same: a signal names its own grid."""
        del tick_factor, lot_factor
        return replace(self)

    def _crossed(self, scene: Scene) -> Told:
        self.messages += 1
        signal = self.signal
        if signal is None:
            self.signal = _signal(scene)
            return (self.signal,) if self.signal else ()
        lasting = scene.time - signal.start > _CRITICAL_AFTER
        if not lasting or signal.severity is Severity.CRITICAL:
            return ()
        self.signal = retold(signal, severity=Severity.CRITICAL, statistic=float(self.messages))
        return (self.signal,)

    def _over(self, scene: Scene) -> Told:
        signal, messages = self.signal, self.messages
        self.signal, self.messages = None, 0
        if signal is None:
            return ()
        done = retold(signal, end=scene.time, state=SignalState.RESOLVED, statistic=float(messages))
        return (done,)


def _signal(scene: Scene) -> Signal | None:
    book = scene.book
    bid, ask = (book.best_bid(), book.best_ask()) if book else (None, None)
    if bid is None or ask is None:
        return None
    return Signal(
        id=signal_id(SignalKind.CROSSED_BOOK, scene.subject, scene.time),
        kind=SignalKind.CROSSED_BOOK,
        instrument=scene.instrument,
        start=scene.time,
        detected=scene.time,
        end=None,
        state=SignalState.OPEN,
        severity=Severity.WARN,
        statistic=1.0,
        threshold=0.0,
        baseline=0.0,
        detector=CrossedBook.name,
        version=CrossedBook.version,
        low=ask[0],
        high=bid[0],
        affects=AFFECTS,
        detail={"statistic": "messages", "locked": bid[0] == ask[0], "critical_after_ms": 1_000},
    )
