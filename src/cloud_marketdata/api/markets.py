"""Markets and raw trades as they leave the service."""

from cloud_marketdata.api.figures import price_text, size_text
from cloud_marketdata.api.schemas import Market, Trade
from cloud_marketdata.api.units import units_of
from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.domain.values import NS_PER_MS, plain
from cloud_marketdata.storage.ports import Stores, Stream, StreamKind


async def market_data(stores: Stores, instrument: Instrument, since: int | None) -> Market:
    """Describe one market; `since` is the start of its oldest bucket in ns."""
    venue, symbol = instrument.venue, instrument.symbol
    record = await stores.log.last(Stream(venue, symbol, StreamKind.TRADES))
    events = record.events if record else ()
    times = [event.exchange_time for event in events if isinstance(event, TradeEvent)]
    view = await stores.books.find(venue, symbol)
    units = units_of(symbol)
    return Market(
        venue=venue.value,
        exchange=venue.exchange.value,
        symbol=symbol,
        base=units.base,
        quote=units.quote,
        tick=plain(instrument.scale.tick),
        lot=plain(instrument.scale.lot),
        scale_version=instrument.scale_version,
        since=None if since is None else since // NS_PER_MS,
        last_trade=max(times) // NS_PER_MS if times else None,
        book=view.state.value if view else "unknown",
    )


def trade_data(trade: TradeEvent) -> Trade:
    """Describe one trade on its own instrument's scale."""
    scale = trade.instrument.scale
    return Trade(
        id=trade.id,
        ts=trade.exchange_time // NS_PER_MS,
        received_ts=trade.received_at // NS_PER_MS,
        price=price_text(scale, trade.price),
        size=size_text(scale, trade.size),
        side=trade.side.value,
        fills=trade.fills,
        in_bars=trade.in_bars,
        off_book=trade.off_book_kind,
    )
