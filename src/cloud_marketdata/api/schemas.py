"""The wire models that REST and MCP share: what is inside the envelope of each answer.

Prices, sizes and sums are decimal strings, times are integer epoch milliseconds.
"""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field, PlainSerializer

from cloud_marketdata.api.envelope import CandlesMeta, DecimalText, Meta, TradeId, Wire
from cloud_marketdata.api.unread import LAZILY


class Market(Wire):
    """A market that is collected here."""

    venue: str
    exchange: str
    symbol: str
    base: str
    quote: str
    tick: DecimalText
    lot: DecimalText
    scale_version: int
    since: int | None = Field(description="Start of the oldest bucket kept")
    last_trade: int | None = Field(description="Match time of the newest trade")
    book: str


class Trade(Wire):
    """One public trade; `side` is the taker's. Off-book trades count into no bar or profile."""

    id: TradeId
    ts: int
    received_ts: int
    price: DecimalText
    size: DecimalText
    side: Literal["buy", "sell"]
    fills: int
    in_bars: bool
    off_book: str | None


class Row(Wire):
    """A row of a profile: lowest and highest price inside, volumes by taker side."""

    low: DecimalText
    high: DecimalText
    buy: DecimalText
    sell: DecimalText
    delta: DecimalText
    buy_count: int
    sell_count: int


class NodeOut(Wire):
    """A thick or a thin place of a profile, and by how much it stands out or falls short."""

    low: DecimalText
    high: DecimalText
    prominence_pct: DecimalText = Field(description="Of the strongest row, or smaller neighbour")


class AreaEdges(Wire):
    """What another method says of the same rows."""

    method: str
    val: DecimalText | None
    vah: DecimalText | None
    reached_pct: DecimalText | None


class PointOfControl(Wire):
    """The row with most volume."""

    low: DecimalText
    high: DecimalText
    volume: DecimalText


class ValueAreaOut(Wire):
    """Value area: from the low of its lowest row to the high of its highest one."""

    val: DecimalText | None
    vah: DecimalText | None
    method: str
    pct: DecimalText
    reached_pct: DecimalText | None
    volume: DecimalText


class ProfileFacts(Wire):
    """A profile without its rows. Sizes in `unit`, prices and quote amounts in `quote_unit`."""

    venue: str
    symbol: str
    unit: str
    quote_unit: str
    tick: DecimalText
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
    shape: str | None = Field(description="P, b, B or D; null without volume or nodes")
    rows_total: int


class Profile(ProfileFacts):
    """Volume by price; rows ascend and only traded ones are listed.

    Nodes are null where there are too many rows for them; ask for wider ones.
    """

    hvn: list[NodeOut] | None = Field(description="High volume nodes, the strongest first")
    lvn: list[NodeOut] | None = Field(description="Low volume nodes, the thinnest first")
    sensitivity: list[AreaEdges] = Field(description="Value areas by the other named methods")
    rows: Annotated[Sequence[Row], LAZILY, PlainSerializer(list, return_type=list[Row])]


class Candle(Wire):
    """A bar of `[open_time, open_time + timeframe)`; `missing` counts trades proven lost."""

    open_time: int
    open: DecimalText
    high: DecimalText
    low: DecimalText
    close: DecimalText
    volume: DecimalText
    quote_volume: DecimalText
    count: int
    taker_buy_volume: DecimalText
    taker_buy_quote_volume: DecimalText
    vwap: DecimalText | None
    first_id: TradeId | None
    last_id: TradeId | None
    final: bool
    revision: int
    late: int
    missing: int | None
    empty: bool


class Level(Wire):
    """Price and resting size."""

    price: DecimalText
    size: DecimalText


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
    mid: DecimalText | None
    spread: DecimalText | None
    spread_bps: DecimalText | None = Field(description="Spread over mid, 4 decimals, half-even")
    bid_size: DecimalText = Field(description="Sum of the bids asked for")
    ask_size: DecimalText = Field(description="Sum of the asks asked for")
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
