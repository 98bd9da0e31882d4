"""Aggregates of small markets, and what a plan is asked with."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from cloud_marketdata.domain.aggregate import Aggregate, combined, state_hash
from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.instrument import Instrument, Scale
from cloud_marketdata.domain.values import NS_PER_S, Side, Timeframe, Venue
from cloud_marketdata.storage.tiering.pieces import Piece, Step
from cloud_marketdata.storage.tiering.plan import Hole, Market, Retention

VENUE = Venue.BINANCE_USDM
BTC = Instrument(VENUE, "BTCUSDT", Scale(Decimal("0.10"), Decimal("0.001")))
MINUTE, HOUR, DAY = 60 * NS_PER_S, 3_600 * NS_PER_S, 86_400 * NS_PER_S
START = 19_943 * DAY
"""A midnight, in ns."""
KEPT = Retention(seconds=HOUR, minutes=24 * HOUR, hours=7 * DAY)
S1, M1, H1, D1 = Timeframe.S1, Timeframe.M1, Timeframe.H1, Timeframe.D1


def trade(time: int, *, size: int = 1) -> TradeEvent:
    """Return a trade at `time`, received at once."""
    side = Side.SELL if time // NS_PER_S % 3 else Side.BUY
    return TradeEvent(BTC, time, 600_000 + time % 7, size, side, time, time, time)


def bucket(timeframe: Timeframe, start: int, *times: int, final: bool = True) -> Aggregate:
    """Return the aggregate of trades at these times; one at its start unless they are given."""
    made = Aggregate(BTC, timeframe, start)
    made.final, made.position = final, 1
    for time in times or (start,):
        made.add(trade(time))
    return made


def piece(
    step: Step,
    start: int,
    parts: Sequence[int],
    *,
    whole: Iterable[int] | None = None,
    open_part: bool = False,
    archived: bool = True,
) -> Piece:
    """Return a piece with one-trade parts at these starts; its whole is their sum unless given."""
    made = [bucket(step.part, at, final=not open_part) for at in parts]
    if whole is None:
        total = combined(made, step.whole, start)
    else:
        times = tuple(whole)
        total = bucket(step.whole, start, *times) if times else None
    kept = state_hash([total]) if total and archived else None
    return Piece(start, made, total, kept)


def market(
    as_of: int,
    *,
    horizons: dict[Timeframe, int] | None = None,
    oldest: dict[Timeframe, int] | None = None,
    newest_day: int | None = None,
    holes: Sequence[Hole] = (),
) -> Market:
    """Return a market about which nothing is known but this."""
    known = dict.fromkeys((S1, M1, H1, D1), 0) | (horizons or {})
    return Market(as_of, known, oldest or {}, newest_day, holes)
