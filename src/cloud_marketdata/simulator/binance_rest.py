"""Binance's REST, spot under /api/v3 and USD-M under /fapi/v1, as far as market data needs it.

Weights are counted per minute and told in X-MBX-USED-WEIGHT-1M; nobody is turned away for them.
"""

from collections.abc import Awaitable, Callable
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.domain.values import NS_PER_MS, NS_PER_S
from cloud_marketdata.simulator.binance import BinanceVenue
from cloud_marketdata.simulator.binance_info import exchange_info
from cloud_marketdata.simulator.binance_trades import AggRow
from cloud_marketdata.simulator.listing import Listing

SPOT_DEPTH_WEIGHTS: Final = ((100, 5), (500, 25), (1000, 50), (5000, 250))
USDM_DEPTH_WEIGHTS: Final = ((50, 2), (100, 5), (500, 10), (1000, 20))
USDM_DEPTH_LIMITS: Final = (5, 10, 20, 50, 100, 500, 1000)
MOST_ROWS: Final = 1000
LONGEST_NUMBER: Final = 20
HOUR_MS: Final = 3_600_000


Answer = Callable[[Request], tuple[int, bytes]]
Endpoint = Callable[[Request], Awaitable[Response]]


class RefusedError(Exception):
    """A request is refused, with Binance's code and message."""

    def __init__(self, code: int, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


class BinanceRest:
    """The REST side of one venue."""

    def __init__(self, venue: BinanceVenue, clock: Clock) -> None:
        self._venue = venue
        self._clock = clock
        self._minute, self._used = 0, 0

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        base = "/fapi/v1/" if self._venue.usdm else "/api/v3/"
        answers = {
            "ping": self._ping,
            "time": self._time,
            "exchangeInfo": self._exchange_info,
            "depth": self._depth,
            "aggTrades": self._agg_trades,
        }
        return [Route(base + name, self._endpoint(answer)) for name, answer in answers.items()]

    def _endpoint(self, answer: Answer) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            status = 200
            try:
                weight, body = answer(request)
            except RefusedError as error:
                weight, status = 1, error.status
                body = msgspec.json.encode({"code": error.code, "msg": str(error)})
            headers = {"X-MBX-USED-WEIGHT-1M": str(self._weigh(weight))}
            return Response(body, status, headers, "application/json")

        return endpoint

    def _weigh(self, weight: int) -> int:
        minute = self._clock.now() // (60 * NS_PER_S)
        self._used = weight + (self._used if minute == self._minute else 0)
        self._minute = minute
        return self._used

    def _ping(self, request: Request) -> tuple[int, bytes]:
        del request
        return 1, b"{}"

    def _time(self, request: Request) -> tuple[int, bytes]:
        del request
        return 1, msgspec.json.encode({"serverTime": self._clock.now() // NS_PER_MS})

    def _exchange_info(self, request: Request) -> tuple[int, bytes]:
        asked = [request.query_params["symbol"]] if "symbol" in request.query_params else []
        listings = [self._listing(s) for s in asked] or list(self._venue.listings.values())
        body = exchange_info(listings, self._clock.now() // NS_PER_MS, usdm=self._venue.usdm)
        return 1 if self._venue.usdm else 20, msgspec.json.encode(body)

    def _depth(self, request: Request) -> tuple[int, bytes]:
        symbol = self._symbol(request)
        limit = _limit(request, 500 if self._venue.usdm else 100)
        if self._venue.usdm and limit not in USDM_DEPTH_LIMITS:
            raise RefusedError(-4021, f"{limit} is not valid depth limit.")
        weights = USDM_DEPTH_WEIGHTS if self._venue.usdm else SPOT_DEPTH_WEIGHTS
        limit = min(limit, weights[-1][0])
        reply = self._venue.depth(symbol, limit)
        if reply is None:
            raise RefusedError(-1001, "Internal error; unable to process your request.", 503)
        return next(weight for most, weight in weights if limit <= most), reply

    def _agg_trades(self, request: Request) -> tuple[int, bytes]:
        symbol = self._symbol(request)
        limit = _limit(request, 500)
        if limit > MOST_ROWS:
            raise RefusedError(-1130, "Data sent for parameter 'limit' is not valid.")
        rows = self._rows(request, symbol, limit)
        return 20 if self._venue.usdm else 4, msgspec.json.encode(rows)

    def _rows(self, request: Request, symbol: str, limit: int) -> list[AggRow]:
        first, start, end = (_number(request, name) for name in ("fromId", "startTime", "endTime"))
        tape = self._venue.tapes.of(symbol)
        if first is not None:
            if start is not None or end is not None:
                raise RefusedError(-1128, "Combination of optional parameters invalid.")
            return tape.from_id(first, limit)
        if start is None and end is None:
            return tape.newest(limit)
        if self._venue.usdm and start is not None and end is not None and end - start > HOUR_MS:
            raise RefusedError(-1127, "More than 1 hours between startTime and endTime.")
        return tape.between(lambda row: row.T, start, end, limit)

    def _symbol(self, request: Request) -> str:
        symbol = request.query_params.get("symbol")
        if not symbol:
            raise RefusedError(-1102, "Mandatory parameter 'symbol' was not sent or was empty.")
        return self._listing(symbol).symbol

    def _listing(self, symbol: str) -> Listing:
        if symbol not in self._venue.listings:
            raise RefusedError(-1121, "Invalid symbol.")
        return self._venue.listings[symbol]


def _limit(request: Request, default: int) -> int:
    limit = _number(request, "limit")
    if limit == 0:
        raise RefusedError(-1130, "Data sent for parameter 'limit' is not valid.")
    return default if limit is None else limit


def _number(request: Request, name: str) -> int | None:
    text = request.query_params.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= LONGEST_NUMBER):
        legal = "legal range is '^[0-9]{1,20}$'."
        raise RefusedError(-1100, f"Illegal characters found in parameter '{name}'; {legal}")
    return int(text)
