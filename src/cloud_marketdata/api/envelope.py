"""The envelope around every answer: data, and meta with the quality a reader must know.

Times are integer epoch milliseconds, `as_of` is ISO-8601 in UTC. The only numbers with a fraction
are shares of time, such as `coverage`; prices, sizes and sums are decimal strings everywhere.
"""

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from cloud_marketdata.api.times import iso
from cloud_marketdata.domain.quality import Gap, Quality
from cloud_marketdata.domain.values import NS_PER_MS

MOST_GAPS: Final = 100
IS_DECIMAL: Final = "exact decimal"
TradeId = int | str
DecimalText = Annotated[str, IS_DECIMAL]
"""A price, size, sum or percentage as decimal text; in tables it is a column of exact decimals."""


class Wire(BaseModel):
    """Base of everything that leaves the service."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class GapOut(Wire):
    """An interval in which trades are missing, or must be feared to be.

    `missing` is their proven number, or null.
    """

    start: int
    end: int
    missing: int | None
    after_id: TradeId | None
    before_id: TradeId | None
    reason: str = Field(description="Why it is there or has not been filled, where it is known")

    @classmethod
    def of(cls, gap: Gap) -> "GapOut":
        """Write a gap in epoch milliseconds."""
        return cls(
            start=gap.start // NS_PER_MS,
            end=-(-gap.end // NS_PER_MS),
            missing=gap.missing,
            after_id=gap.after_id,
            before_id=gap.before_id,
            reason=gap.reason,
        )


class QualityOut(Wire):
    """How fresh and how complete an answer is."""

    as_of: str | None = Field(description="Newest match time inside, ISO-8601 UTC")
    staleness_ms: int | None = Field(description="Age of as_of when the answer was made")
    coverage: float | None = Field(
        description="Share of the answered time proven complete or repaired, null without proof"
    )
    gaps: list[GapOut] = Field(description="The first gaps inside; gaps_total counts all")
    gaps_total: int
    repaired: int = Field(description="Trades that were missing inside and have been filled")
    late: int
    revision: int
    reconciled: str
    sources: list[str]
    reasons: list[str] = Field(description="Why something is less than a reader may expect")

    @classmethod
    def of(cls, quality: Quality) -> "QualityOut":
        """Write a quality with the first of its gaps."""
        return cls(
            as_of=None if quality.as_of is None else iso(quality.as_of),
            staleness_ms=quality.staleness_ms,
            coverage=quality.coverage,
            gaps=[GapOut.of(gap) for gap in quality.gaps[:MOST_GAPS]],
            gaps_total=len(quality.gaps),
            repaired=quality.repaired,
            late=quality.late,
            revision=quality.revision,
            reconciled=quality.reconciled,
            sources=list(quality.sources),
            reasons=list(quality.reasons),
        )


class RangeOut(Wire):
    """The half-open range that was answered, epoch milliseconds."""

    start: int
    end: int


class PartOut(Wire):
    """What the answer was made of from `start` to `end`, epoch milliseconds, half-open."""

    start: int
    end: int
    resolution: str = Field(description="Buckets of this timeframe, or raw `trades`")
    tier: str = Field(description="hot, warm or cold")


class Meta(Wire):
    """What a reader must know beside the data."""

    quality: QualityOut
    method: dict[str, str | int]
    resolution: list[str] = Field(description="What the answer was made of, coarsest first")
    parts: list[PartOut] = Field(
        description="The same by time: parts ascend, touch each other and fill the range"
    )
    range: RangeOut | None
    next_cursor: str | None
    # It leaves as a header: nothing that is still to come can change the numbers of this answer.
    settled: bool = Field(default=False, exclude=True)


class CandlesMeta(Meta):
    """Meta of candles; `state_hash` only where it was asked for."""

    state_hash: str | None = None
