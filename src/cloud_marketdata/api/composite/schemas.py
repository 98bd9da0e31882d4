"""The wire models of composite answers; whatever is summed is also told by venue.

Prices, sizes and sums are decimal strings, times are integer epoch milliseconds. Lags are whole
milliseconds; basis points, correlations and scores are floats, being ratios.
"""

from pydantic import Field

from cloud_marketdata.api.envelope import DecimalText, Meta, QualityOut, RangeOut, Wire
from cloud_marketdata.api.schemas import PointOfControl, ValueAreaOut


class Share(Wire):
    """What one venue has in a row."""

    buy: DecimalText
    sell: DecimalText
    buy_count: int
    sell_count: int


class CompositeRow(Wire):
    """A row: lowest and highest price inside, volumes by taker side, and by venue."""

    low: DecimalText
    high: DecimalText
    buy: DecimalText
    sell: DecimalText
    buy_count: int
    sell_count: int
    by_venue: dict[str, Share] = Field(description="Only venues that traded in the row")


class VenueTotals(Wire):
    """What one venue has in the whole profile."""

    volume: DecimalText
    buy: DecimalText
    sell: DecimalText
    delta: DecimalText
    quote_volume: DecimalText
    count: int
    share_pct: DecimalText | None = Field(description="100 x its volume / all volume, 4 decimals")
    vwap: DecimalText | None
    high: DecimalText | None
    low: DecimalText | None
    poc: PointOfControl | None = Field(description="Its own, in the same rows")
    tick: DecimalText
    quality: QualityOut


class CompositeProfile(Wire):
    """Volume by price over venues; rows ascend and only traded ones are listed."""

    symbol: str
    venues: list[str]
    unit: str
    quote_unit: str
    tick: DecimalText = Field(description="The coarsest grid that holds every venue's prices")
    row_ticks: int
    row_size: DecimalText
    volume: DecimalText
    buy: DecimalText
    sell: DecimalText
    delta: DecimalText
    quote_volume: DecimalText
    count: int
    vwap: DecimalText | None
    high: DecimalText | None
    low: DecimalText | None
    poc: PointOfControl | None
    value_area: ValueAreaOut
    rows_total: int
    by_venue: dict[str, VenueTotals]
    rows: list[CompositeRow]


class FlowShare(Wire):
    """What one venue has in a bar; nothing traded there is written as zero."""

    volume: DecimalText
    delta: DecimalText
    quote_volume: DecimalText
    quote_delta: DecimalText
    final: bool | None = Field(description="Null where nothing traded in its bar")
    ofi: DecimalText | None = Field(
        description="Order flow imbalance of the told minutes, in `unit`"
    )


class CompositeBar(Wire):
    """The order flow of one bar over all venues."""

    open_time: int
    volume: DecimalText
    buy: DecimalText
    sell: DecimalText
    quote_volume: DecimalText
    delta: DecimalText
    quote_delta: DecimalText
    cvd: DecimalText | None = Field(
        description="Over all venues, at the end of the bar; null before anchor"
    )
    cvd_since: int
    segment: int = Field(description="How often CVD began anew behind a gap since the reset")
    complete: bool = Field(description="False where trades of any venue may be missing inside")
    final: bool
    ofi: DecimalText | None = Field(
        description="Sum over both venues, where a pair of them is analysed"
    )
    ofi_minutes: int = Field(description="Told minutes of the bar inside ofi")
    by_venue: dict[str, FlowShare]


class FlowTotals(Wire):
    """What one venue has in all bars of the answer."""

    volume: DecimalText
    delta: DecimalText
    quote_volume: DecimalText
    known_since: int | None = Field(description="From when its tape is known in the range")
    gaps: list[RangeOut]
    quality: QualityOut


class CompositeFlow(Wire):
    """Order flow over venues by bar. Sizes in `unit`, quote amounts in `quote_unit`."""

    symbol: str
    venues: list[str]
    unit: str
    quote_unit: str
    timeframe: str
    volume: DecimalText
    delta: DecimalText
    quote_volume: DecimalText
    reset: str
    reset_at: int | None = Field(description="From when the last bar's CVD is meant to count")
    continuous: bool = Field(description="No gap of any venue since the reset in any bar")
    by_venue: dict[str, FlowTotals]
    bars: list[CompositeBar]


class LeadLagMinute(Wire):
    """What a minute of a pair told.

    lag_ms: by how many ms the second venue follows the first as seen from here, negative where it
    leads; null where no lag stands out. lag_match_ms: the same by the venues' own clocks.
    """

    start: int
    lag_ms: int | None
    lag_match_ms: int | None
    source: str = Field(description="mid or tape: whose steps were compared")
    correlation: float | None = Field(description="Share of the movement common within 20 ms of it")
    z: float | None = Field(description="How far the lag stands out of the others, in deviations")
    steps: list[int] = Field(description="Steps of either venue in the minute")
    basis_bp: float | None = Field(description="Mean of ln(first mid / second mid) x 10,000")
    basis_low_bp: float | None
    basis_high_bp: float | None
    basis_last_bp: float | None
    looks: int = Field(description="Looks at both fresh mids, at most 600 a minute")
    clock_offset_ms: dict[str, int] = Field(description="Smallest receipt less match time, 10 min")
    warming: list[str]


class LeadLag(Wire):
    """Who moves first, by the newest minute in which a lag stands out, and all minutes."""

    symbol: str
    venues: list[str] = Field(description="First and second, as lags and basis count them")
    leader: str | None = Field(
        description="The venue that moves first; null within 1 ms or unknown"
    )
    lag_ms: int | None
    lag_match_ms: int | None
    median_lag_ms: int | None = Field(description="Over the minutes in which a lag stands out")
    correlation: float | None
    z: float | None
    at: int | None = Field(description="Start of the minute these figures are of")
    minutes: list[LeadLagMinute]


class CompositeProfileAnswer(Wire):
    """Answer of /v1/composite/…/volume-profile."""

    data: CompositeProfile
    meta: Meta


class CompositeFlowAnswer(Wire):
    """Answer of /v1/composite/…/order-flow."""

    data: CompositeFlow
    meta: Meta


class LeadLagAnswer(Wire):
    """Answer of /v1/composite/…/lead-lag."""

    data: LeadLag
    meta: Meta
