"""Trades that are missing, proven by ids or feared after a lost connection, until they are filled.

Of one gap three things may be told, and each is a revision of its own: it was found, filling it
ended without proof, it was filled. So a fact that comes twice changes nothing. A contradiction in
the tape that the venue's own hints show is told once: nobody can ever say more of it.
"""

from typing import ClassVar, Final

from msgspec import field
from msgspec.structs import replace

from cloud_marketdata.domain.events import StatusEvent, StatusKind
from cloud_marketdata.domain.signal import (
    Evidence,
    Severity,
    Signal,
    SignalKind,
    SignalState,
    signal_id,
)
from cloud_marketdata.domain.values import NS_PER_MS
from cloud_marketdata.processing.flow.moments import Fold, Scene, Told

AFFECTS: Final = ("volume", "delta", "cvd", "profile", "footprint", "bars")
MOST_HELD: Final = 1_000
_TOLD: Final = {
    StatusKind.TRADE_GAP: (0, SignalState.OPEN, Severity.WARN, "found"),
    StatusKind.TRADES_UNREPAIRED: (1, SignalState.OPEN, Severity.CRITICAL, "unrepaired"),
    StatusKind.TRADES_REPAIRED: (2, SignalState.RESOLVED, Severity.INFO, "repaired"),
    StatusKind.TRADES_DOUBTED: (0, SignalState.RESOLVED, Severity.WARN, "doubted"),
}


class TradeGaps(Fold):
    """Tells of gaps in the tape.

    found: when each gap that is not filled was found, by its id, so that all its tellings agree;
    the oldest of more than a thousand is let go and stays open for its readers.
    """

    name: ClassVar[str] = "trade_gap"
    found: dict[str, int] = field(default_factory=dict)

    def on_fact(self, scene: Scene, fact: StatusEvent) -> Told:
        """Tell what a fact about the tape says."""
        if fact.kind not in _TOLD:
            return ()
        signal = _signal(scene, fact)
        if fact.kind is StatusKind.TRADES_DOUBTED:
            return (signal,)
        if fact.kind is StatusKind.TRADES_REPAIRED:
            return (replace(signal, detected=self.found.pop(signal.id, signal.detected)),)
        first = self.found.setdefault(signal.id, signal.detected)
        if len(self.found) > MOST_HELD:
            del self.found[next(iter(self.found))]
        return (replace(signal, detected=first),)


def _signal(scene: Scene, fact: StatusEvent) -> Signal:
    revision, state, severity, outcome = _TOLD[fact.kind]
    detail = fact.detail
    start, end = (int(detail[name]) * NS_PER_MS for name in ("from_ms", "to_ms"))
    after, before = detail.get("after_id"), detail.get("before_id")
    # What is found to be doubtful lies between two trades that no fact names, only their times.
    mark = "" if after is None else f"{after}-{before}"
    missing = detail.get("missing")
    told: dict[str, int | float | str | bool] = {"outcome": outcome, "proven": missing is not None}
    told |= {name: detail[name] for name in ("missing", "filled", "reason") if name in detail}
    return Signal(
        signal_id(SignalKind.TRADE_GAP, scene.subject, start, mark or outcome),
        SignalKind.TRADE_GAP,
        scene.instrument,
        start,
        scene.time,
        end,
        state,
        severity,
        None if missing is None else float(missing),
        None if missing is None else 0.0,
        None,
        TradeGaps.name,
        TradeGaps.version,
        evidence=Evidence() if after is None else Evidence(after, before, 2),
        affects=() if fact.kind is StatusKind.TRADES_REPAIRED else AFFECTS,
        detail=told,
        revision=revision,
    )
