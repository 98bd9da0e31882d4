"""Bybit's REST under /v5/market, for the categories that are on stage.

Every reply is HTTP 200; `retCode` tells whether it worked. recent-trade knows the newest trades
only and has no paging, as on the real venue.
"""

from collections.abc import Callable, Sequence
from itertools import islice
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.domain.values import NS_PER_MS, NS_PER_S, Exchange
from cloud_marketdata.simulator.allowance import Allowance
from cloud_marketdata.simulator.bybit import BybitVenue
from cloud_marketdata.simulator.bybit_rows import (
    Described,
    kline_row,
    linear_instrument,
    recent_row,
    spot_instrument,
    ticker,
)
from cloud_marketdata.simulator.faults.mischief import Mischief
from cloud_marketdata.simulator.klines import told
from cloud_marketdata.simulator.listing import Listing
from cloud_marketdata.simulator.refusals import bybit_refusal

BAD_PARAMS: Final = 10001
NOT_AVAILABLE: Final = 10016
MOST_LEVELS: Final = 1000
MOST_ROWS: Final = 1000
LONGEST_NUMBER: Final = 20


class RefusedError(Exception):
    """A request is refused, with Bybit's code and message."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class BybitRest:
    """The REST side of the categories on stage, at least one."""

    def __init__(self, acts: Sequence[tuple[BybitVenue, Mischief]], clock: Clock) -> None:
        self._venues = {venue.category: venue for venue, _ in acts}
        self._mischief = {venue.category: mischief for venue, mischief in acts}
        self._clock = clock
        self._allowance = Allowance(Exchange.BYBIT, clock)

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        return [
            self._route("time", self._time),
            self._route("instruments-info", self._instruments),
            self._route("orderbook", self._orderbook),
            self._route("recent-trade", self._recent_trade),
            self._route("tickers", self._tickers),
            self._route("kline", self._kline),
        ]

    def _route(self, name: str, answer: Callable[[Request], object]) -> BaseRoute:
        path = f"/v5/market/{name}"

        async def endpoint(request: Request) -> Response:
            mischief = self._meant(request)
            self._allowance.spend(1)
            refusal = mischief.refusal(path) or self._allowance.refusal(mischief)
            if refusal:
                return await bybit_refusal(refusal, request, self._clock)
            body = mischief.dated(msgspec.json.encode(self._enveloped(answer, request)))
            return Response(body, media_type="application/json")

        return Route(path, endpoint)

    def _enveloped(self, answer: Callable[[Request], object], request: Request) -> Described:
        code, message, result = 0, "OK", {}  # type: int, str, object
        try:
            result = answer(request)
        except RefusedError as error:
            code, message = error.code, str(error)
        now = self._clock.now() // NS_PER_MS
        told = {"retCode": code, "retMsg": message, "result": result}
        return {**told, "retExtInfo": {}, "time": now}

    def _meant(self, request: Request) -> Mischief:
        """Return the faults of the category asked for; of the first one where none is named."""
        category = request.query_params.get("category", "")
        return self._mischief.get(category) or next(iter(self._mischief.values()))

    def _time(self, request: Request) -> Described:
        del request
        now = self._clock.now()
        return {"timeSecond": str(now // NS_PER_S), "timeNano": str(now)}

    def _instruments(self, request: Request) -> Described:
        venue = self._venue(request)
        asked = request.query_params.get("symbol")
        listings = [self._listing(venue, asked)] if asked else list(venue.listings.values())
        describe = linear_instrument if venue.linear else spot_instrument
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
        told = {**msgspec.to_builtins(seen.data), "ts": seen.ts, "cts": seen.cts}
        shown = self._mischief[venue.category].numbered(seen.topic, msgspec.json.encode(told))
        return msgspec.json.decode(shown, type=Described)

    def _recent_trade(self, request: Request) -> Described:
        venue = self._venue(request)
        symbol = self._listing(venue, request.query_params.get("symbol", "")).symbol
        limit = _limit(request, *((500, 1000) if venue.linear else (60, 60)))
        rows = [recent_row(trade) for trade in islice(venue.recent(symbol), limit)]
        return {"category": venue.category, "list": rows}

    def _tickers(self, request: Request) -> Described:
        venue = self._venue(request)
        asked = request.query_params.get("symbol")
        symbols = [self._listing(venue, asked).symbol] if asked else list(venue.listings)
        return {"category": venue.category, "list": [ticker(venue, symbol) for symbol in symbols]}

    def _kline(self, request: Request) -> Described:
        venue = self._venue(request)
        symbol = self._listing(venue, request.query_params.get("symbol", "")).symbol
        if request.query_params.get("interval") != "1":
            raise RefusedError(BAD_PARAMS, "params error: interval invalid")
        limit = _limit(request, 200, MOST_ROWS)
        span = (_ms(request, "start"), _ms(request, "end"))
        mischief = self._mischief[venue.category]
        bars = told(venue.minutes(symbol), mischief, symbol, span, limit)
        rows = [kline_row(bar) for bar in reversed(bars)]
        return {"category": venue.category, "symbol": symbol, "list": rows}

    def _venue(self, request: Request) -> BybitVenue:
        category = request.query_params.get("category", "")
        if category not in self._venues:
            raise RefusedError(BAD_PARAMS, "params error: Category is invalid")
        return self._venues[category]

    def _listing(self, venue: BybitVenue, symbol: str) -> Listing:
        if symbol not in venue.listings:
            raise RefusedError(BAD_PARAMS, "params error: symbol invalid")
        return venue.listings[symbol]


def _ms(request: Request, name: str) -> int | None:
    text = request.query_params.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= LONGEST_NUMBER):
        raise RefusedError(BAD_PARAMS, f"params error: {name} invalid")
    return int(text)


def _limit(request: Request, default: int, most: int) -> int:
    text = request.query_params.get("limit", str(default))
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= most):
        raise RefusedError(BAD_PARAMS, "params error: limit invalid")
    return int(text)
