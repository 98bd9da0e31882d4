"""Binance's exchangeInfo reply: what is listed and on which grid it trades."""

from collections.abc import Sequence
from typing import Final

from cloud_marketdata.simulator.listing import Listing

Described = dict[str, object]
MOST: Final = 10_000_000


def exchange_info(listings: Sequence[Listing], now_ms: int, *, usdm: bool) -> Described:
    """Return the reply for the listings, in the shape of spot or USD-M."""
    describe = _usdm_symbol if usdm else _spot_symbol
    weight = {
        "rateLimitType": "REQUEST_WEIGHT",
        "interval": "MINUTE",
        "intervalNum": 1,
        "limit": 2400 if usdm else 6000,
    }
    return {
        "timezone": "UTC",
        "serverTime": now_ms,
        "rateLimits": [weight],
        "exchangeFilters": [],
        "symbols": [describe(listing) for listing in listings],
    }


def _spot_symbol(listing: Listing) -> Described:
    return {
        **_coins(listing),
        "baseAssetPrecision": 8,
        "quoteAssetPrecision": 8,
        "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET"],
        "isSpotTradingAllowed": True,
        "filters": [
            *_grid(listing),
            {"filterType": "NOTIONAL", "minNotional": "5.00000000", "applyMinToMarket": True},
        ],
    }


def _usdm_symbol(listing: Listing) -> Described:
    return {
        **_coins(listing),
        "pair": listing.symbol,
        "contractType": "PERPETUAL",
        "deliveryDate": 4_133_404_800_000,
        "onboardDate": 1_569_398_400_000,
        "marginAsset": listing.quote,
        "underlyingType": "COIN",
        "filters": [
            *_grid(listing),
            {
                "filterType": "MARKET_LOT_SIZE",
                "minQty": _text(listing.lot),
                "maxQty": str(MOST),
                "stepSize": _text(listing.lot),
            },
            {"filterType": "MIN_NOTIONAL", "notional": "5"},
        ],
    }


def _coins(listing: Listing) -> Described:
    return {
        "symbol": listing.symbol,
        "status": "TRADING",
        "baseAsset": listing.base,
        "quoteAsset": listing.quote,
    }


def _grid(listing: Listing) -> list[Described]:
    tick, lot = _text(listing.tick), _text(listing.lot)
    return [
        {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": str(MOST), "tickSize": tick},
        {"filterType": "LOT_SIZE", "minQty": lot, "maxQty": str(MOST), "stepSize": lot},
    ]


def _text(value: object) -> str:
    return format(value, "f")
