"""The questions, as values: what REST reads from a URL and MCP from arguments.

A `…Params` class is what may be asked of one market, a `…Question` says of which. Only types and
spelling are checked here; `queries` answers or raises, so every language refuses the same things
with the same words.
"""

from decimal import Decimal
from typing import Annotated, ClassVar, Final

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from cloud_marketdata.domain.coverage import Covered
from cloud_marketdata.domain.values import Timeframe, Venue
from cloud_marketdata.processing.metrics.sessions import SESSIONS
from cloud_marketdata.processing.metrics.value_area import DEFAULT_METHOD, DEFAULT_PCT, METHOD

FILLS: Final = ("none", "flat")
MOST_TRADES: Final = 1000
MOST_CANDLES: Final = 1000
MOST_ROLLING: Final = 1440 * 30
MOST_LEVELS: Final = 1000
WIDEST_ROW: Final = 10**12
_TIME: Final = {
    "anyOf": [
        {"type": "integer", "minimum": 0, "maximum": 4_102_444_799_999},
        # Whatever their offset, times of these years lie within those that are read.
        {"type": "string", "format": "date-time", "pattern": "^(19[89]|20[0-8])"},
        {"type": "null"},
    ]
}
_VENUE: Final = f"({'|'.join(venue.value for venue in Venue)})"


def bounded(least: int, most: int) -> WithJsonSchema:
    """Return how a description tells bounds that `queries` holds to, in its own words."""
    return WithJsonSchema({"type": "integer", "minimum": least, "maximum": most})


def whole_or_none(least: int, most: int) -> WithJsonSchema:
    """Return the same for a number that need not be given."""
    number = {"type": "integer", "minimum": least, "maximum": most}
    return WithJsonSchema({"anyOf": [number, {"type": "null"}]})


def exact_number(least: int, most: int, fraction: str, **more: object) -> WithJsonSchema:
    """Return the forms of an exact number: whole, or text where it has a fraction."""
    whole = {"type": "integer", "minimum": least, "maximum": most}
    forms = [whole, {"type": "string", "pattern": f"^{fraction}$"}]
    return WithJsonSchema({"anyOf": forms, **more})


def venues_by_comma(least: int, most: int) -> dict[str, str]:
    """Return the pattern of so many venues, separated by commas."""
    return {"pattern": f"^{_VENUE}(,{_VENUE}){{{least - 1},{most - 1}}}$"}


TimeGiven = Annotated[str | int | None, WithJsonSchema(_TIME)]
"""Epoch milliseconds or ISO-8601 with offset."""
Start = Annotated[
    TimeGiven, Field(description="First instant: epoch ms or ISO-8601 with offset; default 1 h ago")
]
End = Annotated[TimeGiven, Field(description="Instant after the range: same forms; default now")]
RowTicks = Annotated[
    int | None,
    whole_or_none(1, WIDEST_ROW),
    Field(description="Ticks per row; default the narrowest 1, 2, 5 x 10^k in 100 rows"),
]
ValueAreaMethod = Annotated[str, Field(json_schema_extra={"pattern": METHOD})]
ValueAreaShare = Annotated[
    Decimal,
    Field(gt=0, le=100, decimal_places=4, description="Value area share, percent"),
    exact_number(1, 100, "[0-9]{1,2}[.][0-9]{0,3}[1-9]"),
]
Exact = Annotated[
    bool, Field(description="Refuse (resolution_gone) rather than answer another range than asked")
]
PageCursor = Annotated[str | None, Field(description="meta.next_cursor of the page before")]


TwoVenues = Annotated[
    str,
    Field(
        description="Two venues by comma",
        json_schema_extra=venues_by_comma(2, 2),
        examples=["binance-usdm,bybit-linear"],
    ),
]


class _Asked(BaseModel):
    # A misspelt parameter would otherwise be answered as if it had not been given.
    model_config = ConfigDict(extra="forbid", frozen=True)


class MarketQuestion(_Asked):
    """Which market."""

    venue: str
    symbol: str


class TradesParams(_Asked):
    """Raw trades, in pages: from `start` on, or the newest ones without a start."""

    start: Start = None
    end: End = None
    limit: Annotated[int, bounded(1, MOST_TRADES)] = 100
    cursor: PageCursor = None


class ProfileParams(_Asked):
    """Volume by price of a range, which is given by its ends, or by a name, or by a length."""

    start: Start = None
    end: End = None
    session: Annotated[
        str | None,
        Field(json_schema_extra={"enum": [*SESSIONS, None]}, description="Range by name, in UTC"),
    ] = None
    date: Annotated[
        str | None,
        WithJsonSchema({"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]}),
        Field(description="With session: a day inside it, YYYY-MM-DD; default today"),
    ] = None
    rolling: Annotated[
        int | None,
        whole_or_none(1, MOST_ROLLING),
        Field(description="Range: the last so many minutes"),
    ] = None
    row_ticks: RowTicks = None
    va_method: ValueAreaMethod = DEFAULT_METHOD
    va_pct: ValueAreaShare = DEFAULT_PCT
    exact: Exact = False


class CandlesParams(_Asked):
    """Bars whose time overlaps a range, in pages."""

    start: Start = None
    end: End = None
    timeframe: Annotated[
        str, Field(json_schema_extra={"enum": [frame.value for frame in Timeframe]})
    ] = "1m"
    fill: Annotated[str, Field(json_schema_extra={"enum": list(FILLS)})] = "none"
    limit: Annotated[int, bounded(1, MOST_CANDLES)] = 500
    cursor: PageCursor = None
    state_hash: Annotated[bool, Field(description="Add the hash of one page of 1m state")] = False
    exact: Exact = False


class DepthParams(_Asked):
    """The top of the live book."""

    levels: Annotated[
        int,
        Field(
            description="Levels a side, at most the setting book_levels",
            json_schema_extra={"minimum": 1, "maximum": MOST_LEVELS},
        ),
    ] = 50


class CoverageParams(_Asked):
    """What is known of a stream's completeness."""

    stream: Annotated[
        str, Field(json_schema_extra={"enum": [covered.value for covered in Covered]})
    ] = Covered.TRADES.value
    start: Start = None
    end: End = None
    ids_after: Annotated[
        int | None, Field(ge=0, description="List only missing ids above this one")
    ] = None


class TradesQuestion(TradesParams, MarketQuestion):
    """Raw trades of a market."""


class ProfileQuestion(ProfileParams, MarketQuestion):
    """A profile of a market."""


class CandlesQuestion(CandlesParams, MarketQuestion):
    """Bars of a market; `noun` says to whose pages its cursors belong."""

    noun: ClassVar[str] = "candles"


class DepthQuestion(DepthParams, MarketQuestion):
    """The book of a market."""


class CoverageQuestion(CoverageParams, MarketQuestion):
    """The completeness of a market's stream."""
