"""The wire models of order flow: what is inside the envelope of each answer.

Prices, sizes and sums are decimal strings, percentages are strings with four decimals, times are
integer epoch milliseconds. Figures of measures keep the form that their own description gives them.
"""

from pydantic import Field

from cloud_marketdata.api.envelope import DecimalText, Meta, RangeOut, TradeId, Wire
from cloud_marketdata.processing.metrics.measures import Figure


class FlowBar(Wire):
    """The order flow of one bar, as far as somebody traded in it.

    `path_reason` says why min_delta, max_delta and clusters are null where they are.
    """

    open_time: int
    open: DecimalText
    high: DecimalText
    low: DecimalText
    close: DecimalText
    volume: DecimalText
    buy: DecimalText = Field(description="What takers bought; asks that were lifted")
    sell: DecimalText = Field(description="What takers sold; bids that were hit")
    quote_volume: DecimalText
    delta: DecimalText
    quote_delta: DecimalText
    delta_pct: DecimalText | None = Field(description="100 x delta / volume, 4 decimals, half-even")
    min_delta: DecimalText | None = Field(description="Lowest running delta inside the bar")
    max_delta: DecimalText | None = Field(description="Highest running delta inside the bar")
    clusters: int | None = Field(description="Taker orders, as far as the tape tells them apart")
    path_reason: str | None
    cvd: DecimalText | None = Field(
        description="At the end of the bar, counted from cvd_since; null before an anchor"
    )
    cvd_reset_at: int
    cvd_since: int
    segment: int = Field(description="How often CVD began anew behind a gap since the reset")
    complete: bool = Field(description="False where trades may be missing inside the bar")
    bar_divergence: str | None = Field(description="Price against delta inside the bar")
    swing_divergence: list[str] | None = Field(
        description="New extremes against CVD; null before there are 20 bars to compare with"
    )
    count: int
    final: bool
    revision: int
    late: int
    told_minutes: int = Field(description="Minutes of the bar whose readings are inside measures")
    book_ms: int = Field(description="How long a book that may be believed was known inside")
    warming: list[str] = Field(description="Measures whose baselines were not full yet")
    measures: dict[str, dict[str, Figure]] | None
    measures_reason: str | None


class CvdOut(Wire):
    """How the answer's CVD was summed, and where it could not be."""

    reset: str
    reset_at: int | None = Field(description="From when the last bar's sum is meant to count")
    since: int | None = Field(description="From when it really counts")
    continuous: bool = Field(description="No gap since the reset in any bar of the answer")
    gaps: list[RangeOut] = Field(description="The last gaps since the reset; gaps_total counts all")
    gaps_total: int


class OrderFlow(Wire):
    """Order flow by bar. Sizes in `unit`, prices and quote amounts in `quote_unit`."""

    venue: str
    symbol: str
    unit: str
    quote_unit: str
    timeframe: str
    volume: DecimalText
    buy: DecimalText
    sell: DecimalText
    delta: DecimalText
    delta_pct: DecimalText | None
    cvd: CvdOut
    bars: list[FlowBar]


class FootRowOut(Wire):
    """A row of a footprint: lowest and highest price inside, sizes by taker side."""

    low: DecimalText
    high: DecimalText
    buy: DecimalText
    sell: DecimalText
    delta: DecimalText
    buy_count: int
    sell_count: int
    imbalance: list[str] = Field(description="Taker sides that outweigh their diagonal opposite")
    zero_print: list[str] = Field(description="Taker sides whose diagonal opposite is nothing")


class ZoneOut(Wire):
    """A stack of imbalances, and what later bars of the answer did to it."""

    side: str
    low: DecimalText
    high: DecimalText
    rows: int
    state: str
    touched_at: int | None
    filled_at: int | None
    broken_at: int | None


class AuctionOut(Wire):
    """Facts about the extremes; `resolved_at` is the first later bar that traded there again."""

    both_sides_at_high: bool
    both_sides_at_low: bool
    high_resolved_at: int | None
    low_resolved_at: int | None


class FootprintBar(Wire):
    """A bar by price row, ascending; only traded rows are listed, the others hold nothing."""

    open_time: int
    open: DecimalText
    high: DecimalText
    low: DecimalText
    close: DecimalText
    volume: DecimalText
    delta: DecimalText
    delta_pct: DecimalText | None
    min_volume: DecimalText = Field(
        description="What one side of a row must exceed to be an imbalance"
    )
    rows: list[FootRowOut]
    zones: list[ZoneOut]
    auction: AuctionOut
    thins_out: list[str] = Field(
        description="Taker sides whose volume dries up into their extreme: exhaustion, as to rows"
    )
    final: bool
    revision: int


class Footprint(Wire):
    """Footprints of bars. Sizes in `unit`, prices in `quote_unit`."""

    venue: str
    symbol: str
    unit: str
    quote_unit: str
    timeframe: str
    tick: DecimalText
    row_ticks: int
    row_size: DecimalText
    bars: list[FootprintBar]


class ActivityBarOut(Wire):
    """A bar of equal activity; `full` is false where an anchor or the range's end closed it."""

    open_time: int
    close_time: int = Field(description="Match time of its last trade")
    open: DecimalText
    high: DecimalText
    low: DecimalText
    close: DecimalText
    volume: DecimalText
    quote_volume: DecimalText
    count: int
    buy: DecimalText
    sell: DecimalText
    delta: DecimalText
    vwap: DecimalText | None
    first_id: TradeId
    last_id: TradeId
    anchor: int
    number: int = Field(description="Its place behind the anchor, from 0")
    full: bool


class ActivityBars(Wire):
    """Bars of equal activity. Sizes in `unit`, prices and quote amounts in `quote_unit`."""

    venue: str
    symbol: str
    unit: str
    quote_unit: str
    kind: str
    size: DecimalText
    bars: list[ActivityBarOut]


class OrderFlowAnswer(Wire):
    """Answer of …/order-flow."""

    data: OrderFlow
    meta: Meta


class FootprintAnswer(Wire):
    """Answer of …/footprint."""

    data: Footprint
    meta: Meta


class ActivityBarsAnswer(Wire):
    """Answer of …/activity-bars."""

    data: ActivityBars
    meta: Meta
