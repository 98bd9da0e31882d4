"""The verdicts on minutes as they leave the service; every figure is a decimal string."""

from typing import Literal

from pydantic import Field

from cloud_marketdata.api.envelope import Meta, Wire
from cloud_marketdata.domain.reconciled import Reconciled
from cloud_marketdata.domain.values import NS_PER_MS, Timeframe

Figures = dict[str, str]


class MinuteVerdict(Wire):
    """One minute, epoch milliseconds. A minute that was not compared yet is not listed."""

    start: int
    end: int
    verdict: Literal["exact", "mismatch", "pending", "unavailable"]
    fields: list[str] = Field(description="Those in which the venue's kline differs")
    ours: Figures = Field(description="Our bar; empty where we had no trade")
    theirs: Figures = Field(description="The venue's kline; empty where it told none")
    refetched: Figures | None = Field(
        description="After a mismatch: the bar of the venue's own trades, asked for again by id"
    )
    checked_at: int
    bar_revision: int = Field(description="Revision of our bar that was compared")
    revision: int = Field(description="How often a comparison has changed what is said here")
    note: str

    @classmethod
    def of(cls, record: Reconciled) -> "MinuteVerdict":
        """Write a record in epoch milliseconds."""
        return cls(
            start=record.start // NS_PER_MS,
            end=(record.start + Timeframe.M1.ns) // NS_PER_MS,
            verdict=record.verdict.value,
            fields=list(record.fields),
            ours=record.ours,
            theirs=record.theirs,
            refetched=record.refetched,
            checked_at=record.checked_at // NS_PER_MS,
            bar_revision=record.bar_revision,
            revision=record.revision,
            note=record.note,
        )


class ReconciliationAnswer(Wire):
    """Answer of …/reconciliation: the minutes ascend."""

    data: list[MinuteVerdict]
    meta: Meta
