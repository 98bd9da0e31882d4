"""Anomalies as they leave the service.

Prices and sizes are decimal strings, times are integer epoch milliseconds; `statistic`, `threshold`
and `baseline` are scores or ratios, and with those of `detail` the only numbers with a fraction.
"""

from typing import Literal

from pydantic import Field

from cloud_marketdata.api.envelope import DecimalText, Meta, TradeId, Wire
from cloud_marketdata.api.figures import price_text, size_text
from cloud_marketdata.domain.signal import Evidence, Signal
from cloud_marketdata.domain.values import NS_PER_MS


class EvidenceOut(Wire):
    """The trades that caused it: first and last id, and how many; none where no trade did."""

    first_id: TradeId | None
    last_id: TradeId | None
    trades: int

    @classmethod
    def of(cls, evidence: Evidence) -> "EvidenceOut":
        """Write evidence."""
        first, last = evidence.first_id, evidence.last_id
        return cls(first_id=first, last_id=last, trades=evidence.trades)


class Anomaly(Wire):
    """One fact, as it was told last; a later telling has the same id and a higher revision."""

    id: str
    kind: str
    start: int
    detected: int = Field(description="When the tape showed it; pages are ordered by it")
    end: int | None = Field(description="Null while it goes on")
    state: Literal["open", "held", "broken", "resolved"]
    severity: Literal["info", "warn", "critical"]
    statistic: float | None = Field(description="What was compared with threshold")
    threshold: float | None
    baseline: float | None = Field(description="What is usual")
    side: Literal["buy", "sell"] | None
    low: DecimalText | None
    high: DecimalText | None
    size: DecimalText | None
    affects: list[str] = Field(description="Fields of other answers to be doubted meanwhile")
    evidence: EvidenceOut
    detector: str
    version: int
    detail: dict[str, int | float | str | bool] = Field(
        description="Parameters and figures; keys ending in _ms or _ns say their unit"
    )
    revision: int

    @classmethod
    def of(cls, signal: Signal) -> "Anomaly":
        """Write a signal, whose ticks and lots are counted on its own instrument's grid."""
        scale = signal.instrument.scale
        return cls(
            id=signal.id,
            kind=signal.kind.value,
            start=signal.start // NS_PER_MS,
            detected=signal.detected // NS_PER_MS,
            end=None if signal.end is None else -(-signal.end // NS_PER_MS),
            state=signal.state.value,
            severity=signal.severity.value,
            statistic=signal.statistic,
            threshold=signal.threshold,
            baseline=signal.baseline,
            side=None if signal.side is None else signal.side.value,
            low=None if signal.low is None else price_text(scale, signal.low),
            high=None if signal.high is None else price_text(scale, signal.high),
            size=None if signal.size is None else size_text(scale, signal.size),
            affects=list(signal.affects),
            evidence=EvidenceOut.of(signal.evidence),
            detector=signal.detector,
            version=signal.version,
            detail=signal.detail,
            revision=signal.revision,
        )


class WatchOut(Wire):
    """What the detectors have looked at; outside of it, an empty list says nothing."""

    since: int | None = Field(description="The first minute that was ever looked at, or null")
    until: int | None = Field(description="End of the newest minute that was looked at")
    minutes: int = Field(description="Kept minutes of the asked range that were looked at")
    missing: int | None = Field(
        description="Minutes between the first and last kept one inside the range that were not: "
        "the market stood still for long, or nobody looked; null where none is kept"
    )
    warming: list[str] = Field(
        description="Detectors that say nothing yet, because their baselines are not full"
    )


class Anomalies(Wire):
    """Anomalies ascend by (detected, id). Sizes in `unit`, prices in `quote_unit`."""

    scope: str = Field(description="The venue, or the two of a pair joined by +")
    symbol: str
    unit: str
    quote_unit: str
    watch: WatchOut
    anomalies: list[Anomaly]


class AnomaliesAnswer(Wire):
    """Answer of …/anomalies."""

    data: Anomalies
    meta: Meta
