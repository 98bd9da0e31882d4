"""The rows of Bybit's REST: instruments, trades, tickers."""

from cloud_marketdata.simulator.bybit import BybitVenue, RecentTrade
from cloud_marketdata.simulator.listing import Listing
from cloud_marketdata.simulator.minutes import MinuteBar

Described = dict[str, object]


def recent_row(trade: RecentTrade) -> Described:
    """Describe a trade as recent-trade does."""
    return {
        "execId": trade.id,
        "symbol": trade.symbol,
        "price": trade.price,
        "size": trade.size,
        "side": trade.side,
        "time": str(trade.time),
        "isBlockTrade": bool(trade.block),
        "isRPITrade": bool(trade.rpi),
        "seq": str(trade.seq),
    }


def kline_row(bar: MinuteBar) -> list[str]:
    """Write a minute as kline does."""
    figures = (bar.open, bar.high, bar.low, bar.close, bar.volume, bar.quote_volume)
    return [str(bar.start), *(format(figure, "f") for figure in figures)]


def ticker(venue: BybitVenue, symbol: str) -> Described:
    """Describe what has been traded of a symbol so far, and its best prices, as tickers does."""
    tally, book = venue.tally(symbol), venue.books.deepest(symbol)
    seen = book.snapshot(1).data if book else None
    bid, ask = (next(iter(side), ("", "")) for side in ((seen.b, seen.a) if seen else ((), ())))
    return {
        "symbol": symbol,
        "lastPrice": format(tally.last, "f"),
        "prevPrice24h": format(tally.first, "f"),
        "price24hPcnt": format(tally.change_share(), "f"),
        "highPrice24h": format(tally.high, "f"),
        "lowPrice24h": format(tally.low, "f"),
        "volume24h": format(tally.volume, "f"),
        "turnover24h": format(tally.quote_volume, "f"),
        "bid1Price": bid[0],
        "bid1Size": bid[1],
        "ask1Price": ask[0],
        "ask1Size": ask[1],
    }


def _coins(listing: Listing) -> Described:
    return {
        "symbol": listing.symbol,
        "status": "Trading",
        "baseCoin": listing.base,
        "quoteCoin": listing.quote,
        "priceFilter": {"tickSize": format(listing.tick, "f")},
    }


def spot_instrument(listing: Listing) -> Described:
    """Describe a listing as instruments-info does for spot."""
    lot = format(listing.lot, "f")
    size = {"basePrecision": lot, "quotePrecision": "0.0000001", "minOrderAmt": "5"}
    return {**_coins(listing), "lotSizeFilter": {**size, "minOrderQty": lot}}


def linear_instrument(listing: Listing) -> Described:
    """Describe a listing as instruments-info does for linear."""
    lot = format(listing.lot, "f")
    size = {"qtyStep": lot, "minOrderQty": lot, "minNotionalValue": "5"}
    contract = {"contractType": "LinearPerpetual", "settleCoin": listing.quote}
    return {**_coins(listing), **contract, "lotSizeFilter": size}
