"""WebSocket clients from any address of loopback, that say what they like."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from fortress import Fortress
from rawhttp import Answer, dialled, fresh_address
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from cloud_marketdata.core.clock import SystemClock

STREAM = "/v1/stream"


@contextmanager
def joined(
    fortress: Fortress,
    key: str | None = None,
    headers: Mapping[str, str] | None = None,
    *,
    address: str = "",
    path: str = STREAM,
) -> Iterator[ClientConnection]:
    """Be a client for the block; raises InvalidStatus where it is not let in."""
    shown = {"Authorization": f"Bearer {fortress.key(key)}"} if key else {}
    with connect(
        f"ws://{fortress.door.name}{path}",
        sock=dialled(fortress.door, address or fresh_address()),
        additional_headers={**shown, **(headers or {})},
        compression=None,
        proxy=None,
        max_size=None,
        open_timeout=20,
        close_timeout=5,
    ) as connection:
        yield connection


def turned_away(fortress: Fortress, key: str | None = None, **how: Any) -> Answer:  # noqa: ANN401  as `joined` takes it
    """Return what who is not let in is told."""
    try:
        with joined(fortress, key, **how):
            return Answer.of(101)
    except InvalidStatus as refused:
        response = refused.response
        return Answer.of(
            response.status_code, response.headers.raw_items(), bytes(response.body or b"")
        )


def say(connection: ClientConnection, **request: object) -> dict[str, Any]:
    """Send a request and return its reply."""
    connection.send(json.dumps(request))
    return next(hear(connection, "ok"))


def hear(connection: ClientConnection, having: str, seconds: float = 10) -> Iterator[Any]:
    """Yield the messages that have a field."""
    clock = SystemClock()
    end = clock.monotonic() + seconds
    while True:
        heard = json.loads(connection.recv(timeout=end - clock.monotonic()))
        if having in heard:
            yield heard


def all_heard(connection: ClientConnection, seconds: float = 15) -> list[Any]:
    """Read until the service closes; return what it said. Raises TimeoutError."""
    heard, clock = [], SystemClock()
    end = clock.monotonic() + seconds
    with suppress(ConnectionClosed):
        while True:
            heard.append(json.loads(connection.recv(timeout=end - clock.monotonic())))
    return heard


def left_with(connection: ClientConnection, seconds: float = 15) -> tuple[int, str]:
    """Read until the service closes; return the code it closes with, and its reason."""
    all_heard(connection, seconds)
    return connection.close_code, connection.close_reason
