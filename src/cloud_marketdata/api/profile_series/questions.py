"""The questions about profiles in the course of time; checked where they are answered."""

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from cloud_marketdata.api.flow.questions import RowFrame
from cloud_marketdata.api.questions import (
    MOST_CANDLES,
    CandlesQuestion,
    End,
    Exact,
    MarketQuestion,
    RowTicks,
    Start,
    ValueAreaMethod,
    ValueAreaShare,
)
from cloud_marketdata.processing.metrics.naked import LOOK_BACK, RULES
from cloud_marketdata.processing.metrics.sessions import DEFAULT_SESSION, SESSIONS
from cloud_marketdata.processing.metrics.value_area import DEFAULT_METHOD, DEFAULT_PCT

MOST_SESSIONS: Final = 90


class _Asked(BaseModel):
    # A misspelt parameter would otherwise be answered as if it had not been given.
    model_config = ConfigDict(extra="forbid", frozen=True)


class DevelopingParams(_Asked):
    """Point of control and value area of a profile that grows from `start`, step by step."""

    start: Start = None
    end: End = None
    step: RowFrame = "5m"
    row_ticks: RowTicks = None
    va_method: ValueAreaMethod = DEFAULT_METHOD
    va_pct: ValueAreaShare = DEFAULT_PCT
    exact: Exact = False


class NakedParams(_Asked):
    """Points of control of closed sessions, and whether price has come back to them."""

    session: Annotated[str, Field(json_schema_extra={"enum": list(SESSIONS)})] = DEFAULT_SESSION
    look_back: Annotated[
        int,
        Field(
            description="Closed sessions",
            json_schema_extra={"minimum": 1, "maximum": MOST_SESSIONS},
        ),
    ] = LOOK_BACK
    rule: Annotated[
        str, Field(json_schema_extra={"enum": list(RULES)}, description="What fills one")
    ] = RULES[0]
    row_ticks: RowTicks = None


class DevelopingQuestion(DevelopingParams, MarketQuestion):
    """A developing profile of a market."""

    def bars(self) -> CandlesQuestion:
        """Return the question for the bars by which the profile grows."""
        return CandlesQuestion(
            venue=self.venue,
            symbol=self.symbol,
            start=self.start,
            end=self.end,
            timeframe=self.step,
            limit=MOST_CANDLES,
            exact=self.exact,
        )


class NakedQuestion(NakedParams, MarketQuestion):
    """Naked points of control of a market."""
