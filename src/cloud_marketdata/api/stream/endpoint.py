"""The routes of the live stream: one over WebSocket, one as server-sent events."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Query
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.responses import Response
from starlette.routing import WebSocketRoute

from cloud_marketdata.api.errors import problems
from cloud_marketdata.api.stream.desk import Desk
from cloud_marketdata.api.stream.guard import StreamGuard
from cloud_marketdata.api.stream.listening import wanted_by
from cloud_marketdata.api.stream.ports import Subscriptions
from cloud_marketdata.api.stream.readers import Readers
from cloud_marketdata.api.stream.sse import MEDIA_TYPE, EventStream
from cloud_marketdata.api.stream.sse_questions import subscriptions_in
from cloud_marketdata.api.stream.websocket import StreamSocket
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.config import Settings

PATH: Final = "/v1/stream"
_EXAMPLE: Final = "trades:binance-usdm:BTCUSDT,depth:binance-usdm:BTCUSDT;levels=20"
_EVENTS: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "Events without end; `data` is one frame as over WebSocket",
        "content": {MEDIA_TYPE: {"schema": {"type": "string"}}},
    }
}
Channels = Annotated[
    str,
    Query(
        description="By comma: name:venue:symbol;parameter=value;…",
        max_length=8192,
        openapi_examples={"trades and a book": {"value": _EXAMPLE}},
    ),
]
From = Annotated[
    str | None,
    Query(
        alias="from", max_length=256, description="One trades channel only: an event's id or a time"
    ),
]
LastEventId = Annotated[str | None, Header(max_length=256, description="What EventSource sends")]


def build_stream(
    hub: Subscriptions,
    readers: Readers,
    clock: Clock,
    settings: Settings,
    guard: StreamGuard,
) -> APIRouter:
    """Return the routes; main runs `guard.rounds`, and tells `readers` of the end."""
    desk = Desk(hub, readers, clock, settings, guard)
    router = APIRouter(responses=problems(400, 404, 422, 500, 503))
    router.routes.append(WebSocketRoute(PATH, StreamSocket(desk), name="stream"))
    _add_events(router, desk)
    return router


def _add_events(router: APIRouter, desk: Desk) -> None:
    @router.get(
        f"{PATH}/sse",
        status_code=200,
        response_class=EventStream,
        responses=_EVENTS | problems(409, 429),
    )
    async def get_stream(
        channels: Channels,
        since: From = None,
        last_event_id: LastEventId = None,
        *,
        snapshot: bool = True,
    ) -> Response:
        """Stream channels as server-sent events, each from a snapshot on, or from a place."""
        try:
            asked = subscriptions_in(channels, last_event_id or since)
            wanted = [wanted_by(one) for one in asked]
        except ValidationError as error:
            raise RequestValidationError(error.errors()) from error
        return EventStream(desk, wanted, snapshot=snapshot)
