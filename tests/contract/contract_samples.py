"""Events and aggregates for the contract suite, in the smallest form that is still real."""

from collections.abc import Iterable
from decimal import Decimal

from cloud_marketdata.domain.aggregate import Aggregate
from cloud_marketdata.domain.events import Level, TradeEvent
from cloud_marketdata.domain.instrument import Instrument, Scale
from cloud_marketdata.domain.values import Side, Timeframe, Venue
from cloud_marketdata.storage.ports import Batch, BookState, BookView, Stream, StreamKind

VENUE = Venue.BINANCE_USDM
BTC = Instrument(VENUE, "BTCUSDT", Scale(Decimal("0.10"), Decimal("0.001")))
ETH = Instrument(Venue.BYBIT_LINEAR, "ETHUSDT", Scale(Decimal("0.01"), Decimal("0.01")))
TRADES = Stream(VENUE, "BTCUSDT", StreamKind.TRADES)


def trade(
    time: int,
    *,
    number: int | None = None,
    price: int = 600_000,
    size: int = 1,
    instrument: Instrument = BTC,
    flags: int = 0,
) -> TradeEvent:
    """Return a trade at `time`, received 5 ns later; its id is the time unless given."""
    of = time if number is None else number
    side = Side.SELL if of % 3 else Side.BUY
    return TradeEvent(instrument, of, price, size, side, time, time + 5, of, flags=flags)


def batch(*times: int, stream: Stream = TRADES) -> Batch:
    """Return a batch of trades at these times."""
    return Batch(stream, [trade(time) for time in times])


def aggregate(
    start: int,
    *,
    timeframe: Timeframe = Timeframe.S1,
    position: int = 1,
    final: bool = False,
    trades: Iterable[TradeEvent] | None = None,
    instrument: Instrument = BTC,
) -> Aggregate:
    """Return an aggregate of the bucket at `start`, of one trade unless trades are given."""
    made = Aggregate(instrument, timeframe, start)
    made.position, made.final = position, final
    for one in [trade(start, instrument=instrument)] if trades is None else trades:
        made.add(one)
    return made


def view(instrument: Instrument, update_id: int, *bids: Level, asks: tuple[Level, ...]) -> BookView:
    """Return a synced view."""
    return BookView(instrument, BookState.SYNCED, update_id, 10, 20, bids, asks)
