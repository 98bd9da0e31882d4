"""How venues word a request they refuse without having looked at it."""

from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.domain.values import NS_PER_MS, NS_PER_S
from cloud_marketdata.simulator.faults.replies import Refusal

TOO_MUCH: Final = 429
BANNED: Final = 418
FORBIDDEN: Final = 403
SERVER_ERROR: Final = 500
LOOK_AGAIN_S: Final = 0.05
JSON: Final = "application/json"


async def binance_refusal(refusal: Refusal, request: Request, clock: Clock) -> Response:
    """Refuse in Binance's words; status 0 never answers."""
    if not refusal.status:
        return await _unanswered(request, clock)
    if refusal.status == FORBIDDEN:
        page = "<html><head><title>403 Forbidden</title></head><body>Request blocked.</body></html>"
        return Response(page, FORBIDDEN, _headers(refusal), "text/html")
    code, text = -1001, "Internal error; unable to process your request. Please try again."
    if refusal.status == TOO_MUCH:
        code, text = -1003, "Too much request weight used; please use WebSocket Streams instead."
    elif refusal.status == BANNED:
        until = clock.now() // NS_PER_MS + (refusal.retry_after or 0) * (NS_PER_S // NS_PER_MS)
        code, text = -1003, f"Way too much request weight used; IP banned until {until}."
    body = msgspec.json.encode({"code": code, "msg": text})
    return Response(body, refusal.status, _headers(refusal), JSON)


async def bybit_refusal(refusal: Refusal, request: Request, clock: Clock) -> Response:
    """Refuse in Bybit's words; status 0 never answers."""
    if not refusal.status:
        return await _unanswered(request, clock)
    if refusal.status >= SERVER_ERROR:
        return Response("", refusal.status, _headers(refusal), "text/plain")
    if refusal.status == FORBIDDEN:
        text = "403, access too frequent. Please try again later."
        return Response(text, FORBIDDEN, _headers(refusal), "text/plain")
    reply = {"retCode": 10006, "retMsg": "Too many visits!", "result": {}, "retExtInfo": {}}
    body = msgspec.json.encode({**reply, "time": clock.now() // NS_PER_MS})
    return Response(body, refusal.status, _headers(refusal), JSON)


def _headers(refusal: Refusal) -> dict[str, str]:
    return {} if refusal.retry_after is None else {"Retry-After": str(refusal.retry_after)}


async def _unanswered(request: Request, clock: Clock) -> Response:
    """Wait until the client has had enough."""
    while not await request.is_disconnected():
        await clock.sleep(LOOK_AGAIN_S)
    return Response(status_code=SERVER_ERROR)
