"""Holes in a book's stream, and other losses of the book, until it may be believed again.

The collectors prove the hole from the venue's update ids and tell it in the log; this turns the
facts into one signal that lasts from the last good message to the next believed book. What was
derived from the book in between is to be doubted. A loss within a loss is the same loss.
"""

from typing import ClassVar, Final

from msgspec import Struct

from cloud_marketdata.domain.events import StatusEvent, StatusKind
from cloud_marketdata.domain.signal import Severity, Signal, SignalKind, SignalState, signal_id
from cloud_marketdata.domain.values import NS_PER_MS
from cloud_marketdata.processing.flow.moments import Fold, Scene, Told

AFFECTS: Final = ("depth", "ofi", "book_imbalance", "spreads", "absorption")
_CAUSES: Final = {StatusKind.BOOK_GAP: "book_gap", StatusKind.BOOK_LOST: "book_lost"}


class Loss(Struct, frozen=True):
    """A book that is lost: when it was last good, when that was found, and why, in match time."""

    start: int
    detected: int
    cause: str
    reason: str


class SequenceGap(Fold):
    """Tells of a lost book when it is lost, and again when it is back."""

    name: ClassVar[str] = "sequence_gap"
    loss: Loss | None = None

    def on_fact(self, scene: Scene, fact: StatusEvent) -> Told:
        """Open at the first loss, resolve at the next believed book."""
        loss = self.loss
        if fact.kind in _CAUSES:
            if loss is not None:
                return ()
            self.loss = loss = _loss(scene, fact)
            return (_signal(scene, loss, None),)
        if fact.kind is not StatusKind.BOOK_SYNCED or loss is None:
            return ()
        self.loss = None
        return (_signal(scene, loss, scene.time),)


def _loss(scene: Scene, fact: StatusEvent) -> Loss:
    detail = fact.detail
    since = int(detail.get("since_ms", fact.received_at // NS_PER_MS)) * NS_PER_MS
    # The fact tells how long before it the loss began, and the scene when the fact was there.
    start = scene.time - (fact.received_at - since)
    found = detail.get("found_at")
    reason = str(detail.get("reason", "" if found is None else f"found at update id {found}"))
    return Loss(start, scene.time, _CAUSES[fact.kind], reason)


def _signal(scene: Scene, loss: Loss, end: int | None) -> Signal:
    """Describe a loss; nothing is compared, so it has neither statistic nor threshold."""
    lost_ms = 0 if end is None else max(0, end - loss.start) // NS_PER_MS
    return Signal(
        signal_id(SignalKind.SEQUENCE_GAP, scene.subject, loss.start),
        SignalKind.SEQUENCE_GAP,
        scene.instrument,
        loss.start,
        loss.detected,
        end,
        SignalState.OPEN if end is None else SignalState.RESOLVED,
        Severity.WARN,
        None,
        None,
        None,
        SequenceGap.name,
        SequenceGap.version,
        affects=AFFECTS,
        detail={"cause": loss.cause, "reason": loss.reason, "lost_ms": lost_ms},
        revision=0 if end is None else 1,
    )
