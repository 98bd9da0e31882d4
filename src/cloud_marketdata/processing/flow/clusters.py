"""Trades in the order of the tape become taker orders. This is the one loop that sees every trade.

A taker order is a run of trades of equal match time and side; on Bybit of equal venue sequence and
side, whose match time is then equal too. Trades that happened away from the book are left out and
counted. A trade on another grid than the one before it begins a new order.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.domain.values import NOT_IN_BARS, Exchange, TradeFlag
from cloud_marketdata.processing.flow.moments import Cluster

# Members of an enum of flags cost ten times what plain integers cost.
_OFF_BOOK: Final = int(NOT_IN_BARS)
_RPI: Final = int(TradeFlag.RPI)
_PLACE_BITS: Final = 16


class Taken(NamedTuple):
    """A taker order, and the grid on which it is counted."""

    cluster: Cluster
    instrument: Instrument


def clustered(trades: Sequence[TradeEvent]) -> tuple[list[Taken], list[TradeEvent]]:
    """Return the taker orders of consecutive trades, and the trades that are none's.

    All trades of a match time must be among them; they are of one market.
    """
    by_sequence = bool(trades) and trades[0].instrument.venue.exchange is Exchange.BYBIT
    taken: list[Taken] = []
    outside: list[TradeEvent] = []
    run: list[TradeEvent] = []
    time = mark = -1
    side, grid = None, None
    for trade in trades:
        if trade.flags and trade.flags & _OFF_BOOK:
            outside.append(trade)
            continue
        if (
            trade.exchange_time == time
            and trade.side is side
            and (not by_sequence or trade.sequence >> _PLACE_BITS == mark)
            and (trade.instrument is grid or trade.instrument == grid)
        ):
            run.append(trade)
            continue
        if run:
            taken.append(_order(run))
        run = [trade]
        time, side, grid = trade.exchange_time, trade.side, trade.instrument
        if by_sequence:
            mark = trade.sequence >> _PLACE_BITS
    if run:
        taken.append(_order(run))
    return taken, outside


def _order(run: list[TradeEvent]) -> Taken:
    first = run[0]
    if len(run) > 1:
        return _merged(run)
    price, size, number = first.price, first.size, first.id
    return Taken(
        Cluster(
            first.exchange_time,
            first.received_at,
            first.side,
            number,
            number,
            1,
            first.fills,
            size,
            price * size,
            ((price, size),),
            size if first.flags & _RPI else 0,
        ),
        first.instrument,
    )


def _merged(run: list[TradeEvent]) -> Taken:
    first = run[0]
    fills = lots = quote = rpi = received = 0
    prices: dict[int, int] = {}
    for trade in run:
        price, size = trade.price, trade.size
        fills += trade.fills
        lots += size
        quote += price * size
        prices[price] = prices.get(price, 0) + size
        if trade.flags & _RPI:
            rpi += size
        if trade.received_at > received:
            received = trade.received_at
    cluster = Cluster(
        first.exchange_time,
        received,
        first.side,
        first.id,
        run[-1].id,
        len(run),
        fills,
        lots,
        quote,
        tuple(prices.items()),
        rpi,
    )
    return Taken(cluster, first.instrument)


def rescaled(cluster: Cluster, tick: int, lot: int) -> Cluster:
    """Return the same order counted in finer ticks and lots."""
    return Cluster(
        cluster.time,
        cluster.received_at,
        cluster.side,
        cluster.first_id,
        cluster.last_id,
        cluster.trades,
        cluster.fills,
        cluster.lots * lot,
        cluster.quote * tick * lot,
        tuple((price * tick, size * lot) for price, size in cluster.prices),
        cluster.rpi * lot,
    )
