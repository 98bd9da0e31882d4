"""The wire models that REST and MCP share: what is inside the envelope of each answer.

Prices, sizes and sums are decimal strings, times are integer epoch milliseconds.
"""

from typing import Literal

from pydantic import Field

from cloud_marketdata.api.envelope import CandlesMeta, Meta, TradeId, Wire


class Market(Wire):
    """A market that is collected here."""

    venue: str
    exchange: str
    symbol: str
    base: str
    quote: str
    tick: str
    lot: str
    scale_version: int
    since: int | None = Field(description="Start of the oldest bucket kept")
    last_trade: int | None = Field(description="Match time of the newest trade")
    book: str


class Trade(Wire):
    """One public trade; `side` is the taker's. Off-book trades count into no bar or profile."""

    id: TradeId
    ts: int
    received_ts: int
    price: str
    size: str
    side: Literal["buy", "sell"]
    fills: int
    in_bars: bool
    off_book: str | None


class Row(Wire):
    """A row of a profile: lowest and highest price inside, volumes by taker side."""

    low: str
    high: str
    buy: str
    sell: str
    delta: str
    buy_count: int
    sell_count: int


class NodeOut(Wire):
    """A thick or a thin place of a profile, and by how much it stands out or falls short."""

    low: str
    high: str
    prominence_pct: str = Field(description="Of the strongest row, or of the smaller neighbour")


class AreaEdges(Wire):
    """What another method says of the same rows."""

    method: str
    val: str | None
    vah: str | None
    reached_pct: str | None


class PointOfControl(Wire):
    """The row with most volume."""

    low: str
    high: str
    volume: str


class ValueAreaOut(Wire):
    """Value area: from the low of its lowest row to the high of its highest one."""

    val: str | None
    vah: str | None
    method: str
    pct: str
    reached_pct: str | None
    volume: str


class ProfileFacts(Wire):
    """A profile without its rows. Sizes in `unit`, prices and quote amounts in `quote_unit`."""

    venue: str
    symbol: str
    unit: str
    quote_unit: str
    tick: str
    row_ticks: int
    row_size: str
    volume: str
    buy: str
    sell: str
    delta: str
    quote_volume: str
    count: int
    vwap: str | None
    high: str | None
    low: str | None
    poc: PointOfControl | None
    value_area: ValueAreaOut
    shape: str | None = Field(description="P, b, B or D; null without volume or nodes")
    rows_total: int


class Profile(ProfileFacts):
    """Volume by price; rows ascend and only traded ones are listed.

    Nodes are null where there are too many rows for them; ask for wider ones.
    """

    hvn: list[NodeOut] | None = Field(description="High volume nodes, the strongest first")
    lvn: list[NodeOut] | None = Field(description="Low volume nodes, the thinnest first")
    sensitivity: list[AreaEdges] = Field(description="Value areas by the other named methods")
    rows: list[Row]


class Candle(Wire):
    """A bar of `[open_time, open_time + timeframe)`; `missing` counts trades proven lost."""

    open_time: int
    open: str
    high: str
    low: str
    close: str
    volume: str
    quote_volume: str
    count: int
    taker_buy_volume: str
    taker_buy_quote_volume: str
    vwap: str | None
    first_id: TradeId | None
    last_id: TradeId | None
    final: bool
    revision: int
    late: int
    missing: int | None
    empty: bool


class Level(Wire):
    """Price and resting size."""

    price: str
    size: str


class DepthFacts(Wire):
    """A book without its levels: best quotes and what lies between them."""

    venue: str
    symbol: str
    unit: str
    quote_unit: str
    update_id: int
    ts: int
    best_bid: Level | None
    best_ask: Level | None
    mid: str | None
    spread: str | None
    spread_bps: str | None = Field(description="Spread over mid, 4 decimals, half-even")
    bid_size: str = Field(description="Sum of the bids asked for")
    ask_size: str = Field(description="Sum of the asks asked for")
    levels_total: int = Field(description="Levels a side that are published here, at most")


class Depth(DepthFacts):
    """The top of a book: bids descend, asks ascend."""

    bids: list[Level]
    asks: list[Level]


class RejectionCount(Wire):
    """How often input of a venue was refused for one reason, since the store was made."""

    venue: str
    reason: str
    count: int


class RejectionSample(Wire):
    """One refused piece of input, as it came (its first bytes)."""

    venue: str
    symbol: str
    reason: str
    detail: str
    sample: str
    received_ts: int


class Rejections(Wire):
    """All counts, and the newest samples first."""

    counts: list[RejectionCount]
    samples: list[RejectionSample]


class RejectionsAnswer(Wire):
    """Answer of /v1/rejections; like /health it tells of the service, not of a market."""

    data: Rejections


class MarketsAnswer(Wire):
    """Answer of /v1/markets."""

    data: list[Market]
    meta: Meta


class TradesAnswer(Wire):
    """Answer of …/trades."""

    data: list[Trade]
    meta: Meta


class ProfileAnswer(Wire):
    """Answer of …/volume-profile."""

    data: Profile
    meta: Meta


class CandlesAnswer(Wire):
    """Answer of …/candles."""

    data: list[Candle]
    meta: CandlesMeta


class DepthAnswer(Wire):
    """Answer of …/depth."""

    data: Depth
    meta: Meta
