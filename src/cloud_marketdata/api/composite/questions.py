"""The questions about several venues at once, as values; checked where they are answered."""

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from cloud_marketdata.api.flow.questions import BarFrame
from cloud_marketdata.api.questions import (
    End,
    Exact,
    ProfileQuestion,
    RowTicks,
    Start,
    TimeGiven,
    TwoVenues,
    ValueAreaMethod,
    ValueAreaShare,
    venues_by_comma,
)
from cloud_marketdata.core.errors import BadRequestError
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.processing.metrics.value_area import DEFAULT_METHOD, DEFAULT_PCT

RESETS: Final = ("session", "anchor")

Venues = Annotated[
    str,
    Field(
        description="Two to four venues, separated by commas",
        examples=["binance-spot,binance-usdm"],
        json_schema_extra=venues_by_comma(2, 4),
    ),
]


class _Asked(BaseModel):
    # A misspelt parameter would otherwise be answered as if it had not been given.
    model_config = ConfigDict(extra="forbid", frozen=True)


class CompositeProfileParams(_Asked):
    """Volume by price of a range over several venues."""

    venues: Venues
    start: Start = None
    end: End = None
    row_ticks: RowTicks = None
    va_method: ValueAreaMethod = DEFAULT_METHOD
    va_pct: ValueAreaShare = DEFAULT_PCT
    exact: Exact = False


class CompositeFlowParams(_Asked):
    """Delta and CVD over several venues, of the bars whose time overlaps a range."""

    venues: Venues
    start: Start = None
    end: End = None
    timeframe: BarFrame = "1m"
    reset: Annotated[
        str,
        Field(
            json_schema_extra={"enum": list(RESETS)},
            description="When CVD begins anew: at 00:00 UTC, or at `anchor` alone",
        ),
    ] = RESETS[0]
    anchor: Annotated[TimeGiven, Field(description="With reset=anchor: from when CVD counts")] = (
        None
    )
    exact: Exact = False


class LeadLagParams(_Asked):
    """Which of two like venues moves first, and how far their prices are apart."""

    venues: TwoVenues
    start: Start = None
    end: End = None


class CompositeProfileQuestion(CompositeProfileParams):
    """A profile of a symbol over venues."""

    symbol: str

    def of(self, venue: Venue) -> ProfileQuestion:
        """Return the question for one venue's profile in the same rows."""
        given = self.model_dump(exclude={"venues"})
        return ProfileQuestion(venue=venue.value, **given)


class CompositeFlowQuestion(CompositeFlowParams):
    """Order flow of a symbol over venues."""

    symbol: str


class LeadLagQuestion(LeadLagParams):
    """Lead and lag of a symbol between two venues."""

    symbol: str


def venues_of(text: str) -> list[Venue]:
    """Return the venues that were named, sorted; raises BadRequestError."""
    names = [name.strip() for name in text.split(",")]
    unknown = [name for name in names if name not in set(Venue)]
    if unknown:
        msg = f"there is no venue {unknown[0][:40]!r}; there are {', '.join(Venue)}"
        raise BadRequestError(msg)
    venues = sorted({Venue(name) for name in names})
    if len(venues) != len(names) or len(venues) < 2:  # noqa: PLR2004  one alone is no composite
        msg = "venues must name at least two venues, each once, such as bybit-linear,binance-usdm"
        raise BadRequestError(msg)
    return venues
