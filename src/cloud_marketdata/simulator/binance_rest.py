"""Binance's REST, spot under /api/v3 and USD-M under /fapi/v1, as far as market data needs it.

Weights are counted per minute and told in X-MBX-USED-WEIGHT-1M; whether anybody is refused for
them is up to the faults that are set.
"""

from collections.abc import Callable
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.domain.values import NS_PER_MS, Exchange
from cloud_marketdata.simulator.allowance import Allowance
from cloud_marketdata.simulator.binance import BinanceVenue
from cloud_marketdata.simulator.binance_history import BinanceHistory
from cloud_marketdata.simulator.binance_info import exchange_info
from cloud_marketdata.simulator.binance_params import RefusedError, limit, row_limit
from cloud_marketdata.simulator.faults.mischief import Mischief
from cloud_marketdata.simulator.listing import Listing
from cloud_marketdata.simulator.refusals import binance_refusal

SPOT_DEPTH_WEIGHTS: Final = ((100, 5), (500, 25), (1000, 50), (5000, 250))
USDM_DEPTH_WEIGHTS: Final = ((50, 2), (100, 5), (500, 10), (1000, 20))
KLINE_WEIGHTS: Final = ((99, 1), (499, 2), (1000, 5))
USDM_DEPTH_LIMITS: Final = (5, 10, 20, 50, 100, 500, 1000)

Answer = Callable[[Request], tuple[int, bytes]]


class BinanceRest:
    """The REST side of one venue; an answer is a weight and a body."""

    def __init__(self, venue: BinanceVenue, mischief: Mischief, clock: Clock) -> None:
        self._venue = venue
        self._mischief = mischief
        self._clock = clock
        self._history = BinanceHistory(venue, mischief)
        self._allowance = Allowance(Exchange.BINANCE, clock)

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        answers: dict[str, Answer] = {
            "ping": self._ping,
            "time": self._time,
            "exchangeInfo": self._exchange_info,
            "depth": self._depth,
            "aggTrades": self._agg_trades,
            "klines": self._klines,
            "ticker/24hr": self._ticker,
        }
        if not self._venue.usdm:  # USD-M wants a key for it
            answers["historicalTrades"] = self._historical_trades
        base = "/fapi/v1/" if self._venue.usdm else "/api/v3/"
        return [self._route(base + name, answer) for name, answer in answers.items()]

    def _route(self, path: str, answer: Answer) -> BaseRoute:
        async def endpoint(request: Request) -> Response:
            refusal, weight, status, body = self._mischief.refusal(path), 1, 200, b""
            if refusal is None:
                try:
                    weight, body = answer(request)
                except RefusedError as error:
                    status = error.status
                    body = msgspec.json.encode({"code": error.code, "msg": str(error)})
            used = self._allowance.spend(weight)
            refusal = refusal or self._allowance.refusal(self._mischief)
            if refusal:
                return await binance_refusal(refusal, request, self._clock)
            headers = {"X-MBX-USED-WEIGHT-1M": str(used)}
            return Response(self._mischief.dated(body), status, headers, "application/json")

        return Route(path, endpoint)

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
        levels = limit(request, 500 if self._venue.usdm else 100)
        if self._venue.usdm and levels not in USDM_DEPTH_LIMITS:
            raise RefusedError(-4021, f"{levels} is not valid depth limit.")
        weights = USDM_DEPTH_WEIGHTS if self._venue.usdm else SPOT_DEPTH_WEIGHTS
        levels = min(levels, weights[-1][0])
        reply = self._venue.depth(symbol, levels)
        if reply is None:
            raise RefusedError(-1001, "Internal error; unable to process your request.", 503)
        weight = next(weight for most, weight in weights if levels <= most)
        return weight, self._mischief.numbered(symbol, reply)

    def _agg_trades(self, request: Request) -> tuple[int, bytes]:
        rows = self._history.aggregates(request, self._symbol(request))
        return 20 if self._venue.usdm else 4, msgspec.json.encode(rows)

    def _historical_trades(self, request: Request) -> tuple[int, bytes]:
        rows = self._history.singles(request, self._symbol(request))
        return 25, msgspec.json.encode(rows)

    def _klines(self, request: Request) -> tuple[int, bytes]:
        rows = self._history.klines(request, self._symbol(request))
        asked = row_limit(request)
        weight = next(weight for most, weight in KLINE_WEIGHTS if asked <= most)
        return weight if self._venue.usdm else 2, msgspec.json.encode(rows)

    def _ticker(self, request: Request) -> tuple[int, bytes]:
        if "symbol" in request.query_params:
            row = self._history.ticker(self._symbol(request))
            return 1 if self._venue.usdm else 2, msgspec.json.encode(row)
        rows = [self._history.ticker(symbol) for symbol in self._venue.listings]
        return 40 if self._venue.usdm else 80, msgspec.json.encode(rows)

    def _symbol(self, request: Request) -> str:
        symbol = request.query_params.get("symbol")
        if not symbol:
            raise RefusedError(-1102, "Mandatory parameter 'symbol' was not sent or was empty.")
        return self._listing(symbol).symbol

    def _listing(self, symbol: str) -> Listing:
        if symbol not in self._venue.listings:
            raise RefusedError(-1121, "Invalid symbol.")
        return self._venue.listings[symbol]
