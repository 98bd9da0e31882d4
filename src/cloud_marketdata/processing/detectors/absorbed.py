"""What is told of a price that has absorbed: its figures and how they were come by."""

from math import log2, log10
from typing import Final, NamedTuple

from cloud_marketdata.domain.signal import (
    Evidence,
    Severity,
    Signal,
    SignalKind,
    SignalState,
    signal_id,
)
from cloud_marketdata.domain.values import Side, Venue, canonical
from cloud_marketdata.processing.detectors.contest import SECONDS, Contest
from cloud_marketdata.processing.flow.moments import Scene

SHARE: Final = 0.995
HOLD: Final = 5
REFILLED: Final = 1.5
_HALF_BP: Final = 20_000
_LIMITS: Final = {
    Venue.BINANCE_SPOT: "the book is told every 100 ms, refills in between are not seen",
}


class Finding(NamedTuple):
    """A price in ticks, who ran against it, and what happened there.

    beyond, slack: ticks that the side went beyond it, and that it may go. seen: whether the book
    was known throughout. usual: Q in ticks x lots.
    """

    price: int
    taker: Side
    contest: Contest
    beyond: int
    slack: int
    seen: bool
    usual: int

    @property
    def ratio(self) -> float | None:
        """How many times what was displayed at most was taken; None where nobody saw."""
        return self.contest.lots / max(self.contest.most_shown, 1) if self.seen else None


def slack_at(price: int) -> int:
    """Return d_max in ticks: half a basis point of the price, at least one tick."""
    return max(1, price // _HALF_BP)


def absorbed(scene: Scene, finding: Finding, detected: int) -> Signal:
    """Return the first telling; its end is not known yet."""
    contest, price = finding.contest, finding.price
    first, last = contest.beats[0], contest.beats[-1]
    trades = sum(beat.trades for beat in contest.beats)
    size = contest.lots
    return Signal(
        id=signal_id(SignalKind.ABSORPTION, scene.subject, first.start, price),
        kind=SignalKind.ABSORPTION,
        instrument=scene.instrument,
        start=first.start,
        detected=detected,
        end=None,
        state=SignalState.OPEN,
        severity=Severity.INFO,
        statistic=size * price / finding.usual,
        threshold=1.0,
        baseline=None,
        detector="absorption",
        version=1,
        evidence=Evidence(first.first_id, last.last_id, trades),
        side=finding.taker,
        low=price,
        high=price,
        size=size,
        detail=_detail(scene, finding),
    )


def _detail(scene: Scene, finding: Finding) -> dict[str, int | float | str | bool]:
    scale, contest = scene.instrument.scale, finding.contest
    detail: dict[str, int | float | str | bool] = {
        "statistic": "A / Q",
        "passive": "bid" if finding.taker is Side.SELL else "ask",
        "taken": canonical(scale.quote(contest.lots * finding.price)),
        "usual": canonical(scale.quote(finding.usual)),
        "quantile": SHARE,
        "beyond_ticks": finding.beyond,
        "slack_ticks": finding.slack,
        "window_s": SECONDS,
        "hold_s": HOLD,
        "confidence": "book" if finding.seen else "tape_only",
        "score": _score(finding),
    }
    if finding.ratio is not None:
        detail |= {
            "shown_first": canonical(scale.size(contest.first_shown)),
            "shown_most": canonical(scale.size(contest.most_shown)),
            "replenished": finding.ratio,
            "replenished_least": REFILLED,
        }
    limits = _LIMITS.get(scene.instrument.venue)
    return detail | {"limits": limits} if limits else detail


def _score(finding: Finding) -> float:
    """Return log10(A / Q) + log2(rho) - d / d_max, without its middle where nobody saw."""
    size = log10(finding.contest.lots * finding.price / finding.usual)
    refilled = log2(finding.ratio) if finding.ratio else 0.0
    return size + refilled - finding.beyond / finding.slack
