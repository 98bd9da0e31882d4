"""What the tests of order flow share: its queries over a small market, and brute force."""

from collections.abc import Iterable, Sequence

from tape import BTC, MINUTE, Market

from cloud_marketdata.api.flow.queries import FlowQueries
from cloud_marketdata.api.flow.questions import OrderFlowQuestion
from cloud_marketdata.api.flow.schemas import OrderFlow, OrderFlowAnswer
from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.flow import FlowMinute
from cloud_marketdata.domain.signal import Subject
from cloud_marketdata.domain.values import Side, Timeframe
from cloud_marketdata.processing.flow.moments import Cluster, Scene
from cloud_marketdata.processing.metrics.delta_path import DeltaPath
from cloud_marketdata.storage.flow_ports import FlowChanges

ASKED = {"venue": BTC.venue.value, "symbol": BTC.symbol}


def flow_queries(market: Market) -> FlowQueries:
    asked = market.queries
    return FlowQueries(
        asked.stores, asked.clock, asked._known, asked._reader, asked._quality, asked._lateness
    )


async def flow_of(market: Market, **asked: object) -> OrderFlow:
    return (await answer_of(market, **asked)).data


async def answer_of(market: Market, **asked: object) -> OrderFlowAnswer:
    return await flow_queries(market).order_flow(OrderFlowQuestion(**ASKED | asked))


def signed(trade: TradeEvent) -> int:
    return trade.size if trade.side is Side.BUY else -trade.size


def path(trades: Iterable[TradeEvent]) -> tuple[int, int, int]:
    """Return delta, and the lowest and highest running delta, trade by trade, beginning at 0."""
    delta = least = most = 0
    for trade in trades:
        delta += signed(trade)
        least, most = min(least, delta), max(most, delta)
    return delta, least, most


def told(trades: Sequence[TradeEvent], **extra: object) -> list[FlowMinute]:
    """Tell a tape's minutes as the fold would, with each trade as a taker order of its own."""
    fold, minutes = DeltaPath(), []
    scene = Scene(Subject.market(BTC.venue, BTC.symbol), BTC)
    starts = [Timeframe.M1.floor(trade.exchange_time) for trade in trades]
    for start in range(min(starts), max(starts) + 1, MINUTE):
        for trade, at in zip(trades, starts, strict=True):
            if at == start and trade.in_bars:
                list(fold.on_cluster(scene, _cluster(trade)))
        minutes.append(FlowMinute(BTC, start, {DeltaPath.name: fold.reading(scene)}, **extra))
    return minutes


async def tell(market: Market, minutes: Sequence[FlowMinute]) -> None:
    subject = Subject.market(market.instrument.venue, market.instrument.symbol)
    await market.stores.flow.save(subject, FlowChanges(b"here", minutes))


def _cluster(trade: TradeEvent) -> Cluster:
    return Cluster(
        trade.exchange_time,
        trade.received_at,
        trade.side,
        trade.id,
        trade.id,
        1,
        trade.fills,
        trade.size,
        trade.price * trade.size,
        ((trade.price, trade.size),),
    )
