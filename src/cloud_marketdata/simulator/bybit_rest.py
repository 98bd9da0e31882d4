"""Bybit's REST under /v5/market, for the categories that are on stage.

Every reply is HTTP 200; `retCode` tells whether it worked. recent-trade knows the newest trades
only and has no paging, as on the real venue.
"""

from collections.abc import Callable, Mapping
from itertools import islice
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.domain.values import NS_PER_MS, NS_PER_S
from cloud_marketdata.simulator.bybit import BybitVenue, RecentTrade
from cloud_marketdata.simulator.listing import Listing

Described = dict[str, object]
BAD_PARAMS: Final = 10001
NOT_AVAILABLE: Final = 10016
MOST_LEVELS: Final = 1000


class RefusedError(Exception):
    """A request is refused, with Bybit's code and message."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class BybitRest:
    """The REST side of the categories by name."""

    def __init__(self, venues: Mapping[str, BybitVenue], clock: Clock) -> None:
        self._venues = venues
        self._clock = clock

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        return [
            self._route("time", self._time),
            self._route("instruments-info", self._instruments),
            self._route("orderbook", self._orderbook),
            self._route("recent-trade", self._recent_trade),
        ]

    def _route(self, name: str, answer: Callable[[Request], object]) -> BaseRoute:
        async def endpoint(request: Request) -> Response:
            code, message, result = 0, "OK", {}  # type: int, str, object
            try:
                result = answer(request)
            except RefusedError as error:
                code, message = error.code, str(error)
            now = self._clock.now() // NS_PER_MS
            envelope = {"retCode": code, "retMsg": message, "result": result}
            body = msgspec.json.encode({**envelope, "retExtInfo": {}, "time": now})
            return Response(body, media_type="application/json")

        return Route(f"/v5/market/{name}", endpoint)

    def _time(self, request: Request) -> Described:
        del request
        now = self._clock.now()
        return {"timeSecond": str(now // NS_PER_S), "timeNano": str(now)}

    def _instruments(self, request: Request) -> Described:
        venue = self._venue(request)
        asked = request.query_params.get("symbol")
        listings = [self._listing(venue, asked)] if asked else list(venue.listings.values())
        describe = _linear_instrument if venue.linear else _spot_instrument
        rows = [describe(listing) for listing in listings]
        return {"category": venue.category, "list": rows, "nextPageCursor": ""}

    def _orderbook(self, request: Request) -> Described:
        venue = self._venue(request)
        symbol = self._listing(venue, request.query_params.get("symbol", "")).symbol
        limit = _limit(request, 25 if venue.linear else 1, MOST_LEVELS)
        book = venue.books.deepest(symbol)
        if book is None:
            raise RefusedError(NOT_AVAILABLE, "the recording has no book at this point")
        seen = book.snapshot(limit)
        return {**msgspec.to_builtins(seen.data), "ts": seen.ts, "cts": seen.cts}

    def _recent_trade(self, request: Request) -> Described:
        venue = self._venue(request)
        symbol = self._listing(venue, request.query_params.get("symbol", "")).symbol
        limit = _limit(request, *((500, 1000) if venue.linear else (60, 60)))
        rows = [_row(trade) for trade in islice(venue.recent(symbol), limit)]
        return {"category": venue.category, "list": rows}

    def _venue(self, request: Request) -> BybitVenue:
        category = request.query_params.get("category", "")
        if category not in self._venues:
            raise RefusedError(BAD_PARAMS, "params error: Category is invalid")
        return self._venues[category]

    def _listing(self, venue: BybitVenue, symbol: str) -> Listing:
        if symbol not in venue.listings:
            raise RefusedError(BAD_PARAMS, "params error: symbol invalid")
        return venue.listings[symbol]


def _limit(request: Request, default: int, most: int) -> int:
    text = request.query_params.get("limit", str(default))
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= most):
        raise RefusedError(BAD_PARAMS, "params error: limit invalid")
    return int(text)


def _row(trade: RecentTrade) -> Described:
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


def _coins(listing: Listing) -> Described:
    return {
        "symbol": listing.symbol,
        "status": "Trading",
        "baseCoin": listing.base,
        "quoteCoin": listing.quote,
        "priceFilter": {"tickSize": format(listing.tick, "f")},
    }


def _spot_instrument(listing: Listing) -> Described:
    lot = format(listing.lot, "f")
    size = {"basePrecision": lot, "quotePrecision": "0.0000001", "minOrderAmt": "5"}
    return {**_coins(listing), "lotSizeFilter": {**size, "minOrderQty": lot}}


def _linear_instrument(listing: Listing) -> Described:
    lot = format(listing.lot, "f")
    size = {"qtyStep": lot, "minOrderQty": lot, "minNotionalValue": "5"}
    contract = {"contractType": "LinearPerpetual", "settleCoin": listing.quote}
    return {**_coins(listing), **contract, "lotSizeFilter": size}
