"""Raw trades of a range, minute by minute, proven to be all that its minutes hold.

Bars of equal activity need every trade since their anchor. The log lets old ones go, so each minute
is counted against its saved bucket; where one is short, the bars cannot be made any more.
"""

from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from cloud_marketdata.api.resolutions import ResolutionGoneError
from cloud_marketdata.api.times import TimeRange, iso
from cloud_marketdata.core.errors import LimitError
from cloud_marketdata.domain.aggregate import Aggregate
from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.storage.ports import TradeRepository

MOST_TRADES: Final = 250_000


async def read_tape(
    trades: TradeRepository, instrument: Instrument, within: TimeRange, minutes: Sequence[Aggregate]
) -> list[TradeEvent]:
    """Return the trades of a range of whole minutes on one grid, by (match time, sequence).

    minutes: what is known of them, read before the raw trades, which can then only be more.
    Raises ResolutionGoneError where raw trades of a minute are no longer kept, LimitError on more
    than one answer may be made of.
    """
    at = (instrument.venue, instrument.symbol)
    found: list[TradeEvent] = []
    for minute in minutes:
        left = MOST_TRADES - len(found)
        raw = await trades.find_by_range(*at, minute.start, minute.end, limit=left + 1)
        if len(raw) > left:
            msg = f"more than {MOST_TRADES} trades since the anchor; ask for an earlier end"
            raise LimitError(msg)
        if minute.span and len(raw) < minute.span.trades:
            msg = f"raw trades of {iso(minute.start)} are no longer kept, and every one counts"
            raise ResolutionGoneError(msg)
        found += [trade for trade in raw if within.holds(trade.exchange_time)]
    return on_one_grid(found, instrument)


def on_one_grid(trades: Sequence[TradeEvent], instrument: Instrument) -> list[TradeEvent]:
    """Return the trades counted on the coarsest grid that holds all of them."""
    scales = {trade.instrument.scale for trade in trades}
    scale = instrument.scale
    for other in scales:
        scale = scale.meet(other)
    target = replace(instrument, scale=scale)
    factors = {other: other.factors(scale) for other in scales}
    return [_moved(trade, target, *factors[trade.instrument.scale]) for trade in trades]


def _moved(trade: TradeEvent, target: Instrument, tick: int, lot: int) -> TradeEvent:
    if tick == lot == 1:
        return trade
    return replace(trade, instrument=target, price=trade.price * tick, size=trade.size * lot)
