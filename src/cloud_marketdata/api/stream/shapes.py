"""What a channel's frames hold as data and meta: REST's own models, and changes of them.

An update tells all the facts of an answer anew; of its list it holds only the items that are new or
different, and in `removed` the keys of those that went. Frames are not made with these models, they
are described by them, and tests hold them to it.
"""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import Field

from cloud_marketdata.api.envelope import CandlesMeta, Meta, Wire
from cloud_marketdata.api.flow.schemas import OrderFlow
from cloud_marketdata.api.schemas import Candle, Depth, Profile, Trade
from cloud_marketdata.api.signals.schemas import Anomalies
from cloud_marketdata.api.stream.ports import ChannelName, FrameKind

Fields = Mapping[str, tuple[Any, Any]]
"""Fields as `pydantic.create_model` takes them: a type, and a default or that there is none."""


class DepthChange(Depth):
    """A book: in `bids` and `asks` the levels that changed, deletions first; size 0 deletes."""


class ProfileChange(Profile):
    """A profile: in `rows` those that changed, whose key is `low`."""

    removed: list[str] = Field(description="`low` of the rows that are gone")


class OrderFlowChange(OrderFlow):
    """Order flow: in `bars` those that changed, whose key is `open_time`."""

    removed: list[int] = Field(description="`open_time` of the bars that are gone")


class CandlesChange(Wire):
    """Candles that changed, whose key is `open_time`; a closed one is told with `final`."""

    candles: list[Candle]
    removed: list[int] = Field(description="`open_time` of the bars that are gone")


class AnomaliesChange(Anomalies):
    """Anomalies that are new or told anew, whose key is `id`."""

    removed: list[str] = Field(description="`id` of those that left the range or the filters")


class FactTold(Wire):
    """What a collector told of a market: `id` is its place in the log, `ts` when it was known."""

    id: str
    kind: str
    ts: int
    detail: dict[str, int | str]
    words: str


class TradesStanding(Wire):
    """How a market's trades come in."""

    state: str = Field(description="connected, lost, or unknown where nobody has told")
    told_at: int | None
    last_trade: int | None = Field(description="Match time of the newest trade")
    staleness_ms: int | None


class BookStanding(Wire):
    """How a market's book is; one that is not servable is refused by depth, for this reason."""

    state: str
    servable: bool
    reason: str
    update_id: int | None
    received_ts: int | None


class MarketStanding(Wire):
    """How a market is doing, and what its collectors told lately, oldest first."""

    venue: str
    symbol: str
    trades: TradesStanding
    book: BookStanding
    facts: list[FactTold]


class MarketChange(MarketStanding):
    """How a market is doing, and in `facts` those that are new, whose key is `id`."""

    removed: list[str] = Field(description="`id` of the facts that are too old to be listed")


def _answer(data: object, change: object, meta: type[Meta] = Meta) -> Mapping[FrameKind, Fields]:
    return {
        FrameKind.SNAPSHOT: {"data": (data, ...), "meta": (meta, ...)},
        FrameKind.UPDATE: {"data": (change, ...), "meta": (meta, ...)},
    }


SHAPES: Final[Mapping[ChannelName, Mapping[FrameKind, Fields]]] = {
    ChannelName.TRADES: {
        FrameKind.SNAPSHOT: {"data": (list[Trade], ...), "meta": (Meta, ...)},
        FrameKind.UPDATE: {"data": (list[Trade], ...)},
        FrameKind.CAUGHT_UP: {"meta": (Meta, ...)},
    },
    ChannelName.DEPTH: {
        FrameKind.SNAPSHOT: {"data": (Depth, ...), "meta": (Meta, ...)},
        FrameKind.UPDATE: {"data": (DepthChange, ...), "meta": (Meta | None, None)},
    },
    ChannelName.VOLUME_PROFILE: _answer(Profile, ProfileChange),
    ChannelName.ORDER_FLOW: _answer(OrderFlow, OrderFlowChange),
    ChannelName.CANDLES: _answer(list[Candle], CandlesChange, CandlesMeta),
    ChannelName.ANOMALIES: _answer(Anomalies, AnomaliesChange),
    ChannelName.STATUS: _answer(MarketStanding, MarketChange),
}
