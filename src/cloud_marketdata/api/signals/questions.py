"""The questions for anomalies, as values; what the filters mean is checked where they are read."""

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from cloud_marketdata.api.questions import (
    End,
    MarketQuestion,
    PageCursor,
    Start,
    TwoVenues,
    bounded,
)
from cloud_marketdata.domain.signal import Severity, SignalKind, SignalState

MOST_ANOMALIES: Final = 500

Kinds = Annotated[
    str | None, Field(description=f"Only these, by comma, of: {', '.join(SignalKind)}")
]
Severities = Annotated[
    str | None, Field(description=f"Only these, by comma, of: {', '.join(Severity)}")
]
States = Annotated[
    str | None, Field(description=f"Only these, by comma, of: {', '.join(SignalState)}")
]


class AnomaliesParams(BaseModel):
    """Anomalies that the tape showed in a range, in pages."""

    # A misspelt parameter would otherwise be answered as if it had not been given.
    model_config = ConfigDict(extra="forbid", frozen=True)

    start: Start = None
    end: End = None
    kinds: Kinds = None
    severity: Severities = None
    state: States = None
    limit: Annotated[int, bounded(1, MOST_ANOMALIES)] = 100
    cursor: PageCursor = None


class AnomaliesQuestion(AnomaliesParams, MarketQuestion):
    """Anomalies of a market."""


class PairAnomaliesParams(AnomaliesParams):
    """Anomalies between two venues that trade the same symbol."""

    venues: TwoVenues


class PairAnomaliesQuestion(PairAnomaliesParams):
    """Anomalies of a pair of markets."""

    symbol: str
