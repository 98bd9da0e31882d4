"""The questions about order flow, as values; what they mean is checked where they are answered."""

from decimal import Decimal
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from cloud_marketdata.api.questions import (
    MOST_CANDLES,
    WIDEST_ROW,
    CandlesQuestion,
    End,
    Exact,
    MarketQuestion,
    PageCursor,
    Start,
    TimeGiven,
    bounded,
    exact_number,
    whole_or_none,
)
from cloud_marketdata.domain.values import Timeframe
from cloud_marketdata.processing.metrics.activity_bars import Activity
from cloud_marketdata.processing.metrics.cvd import Policy
from cloud_marketdata.processing.metrics.imbalance import RATIO_PCT
from cloud_marketdata.processing.metrics.stacked import LEAST_ROWS

FOOTPRINT_FRAMES: Final = tuple(frame for frame in Timeframe if frame.ns >= Timeframe.M1.ns)
MOST_BARS: Final = 300
LARGEST: Final = 10**18 - 1
_FRACTION: Final = "[0-9]{1,18}[.][0-9]{0,11}[1-9]"
MOST_ROLLED: Final = 2_000
MOST_ROLLED_MINUTES: Final = MOST_ROLLED * Timeframe.D1.ns // Timeframe.M1.ns
WIDEST_RATIO: Final = 100_000
ANCHORS: Final = {"hour": Timeframe.H1, "session": Timeframe.D1}

BarFrame = Annotated[str, Field(json_schema_extra={"enum": [frame.value for frame in Timeframe]})]
RowFrame = Annotated[
    str, Field(json_schema_extra={"enum": [frame.value for frame in FOOTPRINT_FRAMES]})
]
ResetName = Annotated[
    str,
    Field(
        json_schema_extra={"enum": [policy.value for policy in Policy]},
        description="When CVD begins anew: at 00:00 UTC, at `anchor`, never, or it rolls",
    ),
]
Anchor = Annotated[TimeGiven, Field(description="With reset=anchor: from when CVD counts")]
Rolling = Annotated[
    int | None,
    whole_or_none(1, MOST_ROLLED_MINUTES),
    Field(description="With reset=rolling: the last so many minutes are summed"),
]


class _Asked(BaseModel):
    # A misspelt parameter would otherwise be answered as if it had not been given.
    model_config = ConfigDict(extra="forbid", frozen=True)


class OrderFlowParams(_Asked):
    """Delta, CVD and measures of the bars whose time overlaps a range, in pages."""

    start: Start = None
    end: End = None
    timeframe: BarFrame = "1m"
    reset: ResetName = Policy.SESSION.value
    anchor: Anchor = None
    rolling: Rolling = None
    measures: Annotated[bool, Field(description="Add what folds measured in each bar")] = True
    limit: Annotated[int, bounded(1, MOST_CANDLES)] = 200
    cursor: PageCursor = None
    exact: Exact = False


class FootprintParams(_Asked):
    """Taker buys and sells by price row, for each of the bars whose time overlaps a range."""

    start: Start = None
    end: End = None
    timeframe: RowFrame = "1m"
    row_ticks: Annotated[
        int | None,
        whole_or_none(1, WIDEST_ROW),
        Field(description="Ticks per row; default 1, 2, 5 x 10^k for about 40 rows"),
    ] = None
    ratio: Annotated[
        int, Field(ge=1, le=WIDEST_RATIO, description="Percent that an imbalance must exceed")
    ] = RATIO_PCT
    min_volume: Annotated[
        Decimal | None,
        Field(ge=0, decimal_places=12, max_digits=30, description="Default 0.2 % of the bar"),
        exact_number(0, LARGEST, _FRACTION),
    ] = None
    stack: Annotated[int, Field(ge=2, le=100, description="Rows that make a zone")] = LEAST_ROWS
    ignore_zero: Annotated[
        bool, Field(description="Leave rows against an empty one apart, as zero prints")
    ] = True
    exact: Exact = False


class ActivityBarsParams(_Asked):
    """Bars that each close on the trade that fills them, from raw trades."""

    kind: Annotated[
        str,
        Field(
            json_schema_extra={"enum": [kind.value for kind in Activity]},
            examples=[Activity.TICK.value],
        ),
    ]
    size: Annotated[
        Decimal,
        exact_number(1, LARGEST, _FRACTION, examples=["500"]),
        Field(
            gt=0,
            decimal_places=12,
            max_digits=30,
            description="Fills (tick), base units (volume) or quote units (dollar) of a bar",
        ),
    ]
    start: Start = None
    end: End = None
    anchor: Annotated[
        str,
        Field(
            json_schema_extra={"enum": list(ANCHORS)},
            description="Where counting starts anew: each hour, or each session (00:00), in UTC",
        ),
    ] = "hour"


class _FlowBars(CandlesQuestion):
    noun = "order-flow"


class OrderFlowQuestion(OrderFlowParams, MarketQuestion):
    """Order flow of a market."""

    def bars(self) -> CandlesQuestion:
        """Return the question for the bars that it is about."""
        return _FlowBars(
            venue=self.venue,
            symbol=self.symbol,
            start=self.start,
            end=self.end,
            timeframe=self.timeframe,
            limit=self.limit,
            cursor=self.cursor,
            exact=self.exact,
        )


class FootprintQuestion(FootprintParams, MarketQuestion):
    """Footprints of a market."""

    def bars(self) -> CandlesQuestion:
        """Return the question for the bars that it is about, all of them on one page."""
        return CandlesQuestion(
            venue=self.venue,
            symbol=self.symbol,
            start=self.start,
            end=self.end,
            timeframe=self.timeframe,
            limit=MOST_BARS,
            exact=self.exact,
        )


class ActivityBarsQuestion(ActivityBarsParams, MarketQuestion):
    """Bars of equal activity of a market."""
