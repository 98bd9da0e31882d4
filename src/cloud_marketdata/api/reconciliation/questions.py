"""The question for the verdicts on a market's minutes."""

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict

from cloud_marketdata.api.questions import End, MarketQuestion, PageCursor, Start, bounded

MOST_MINUTES: Final = 1000


class ReconciliationParams(BaseModel):
    """Verdicts by minute, in pages."""

    # A misspelt parameter would otherwise be answered as if it had not been given.
    model_config = ConfigDict(extra="forbid", frozen=True)

    start: Start = None
    end: End = None
    limit: Annotated[int, bounded(1, MOST_MINUTES)] = 500
    cursor: PageCursor = None


class ReconciliationQuestion(ReconciliationParams, MarketQuestion):
    """Verdicts on the minutes of a market."""
