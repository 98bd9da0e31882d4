"""Binance's WebSocket: paths, commands, acknowledgements and errors.

An acknowledgement proves nothing, here as there: a symbol that does not exist, and on USD-M a
stream asked on the wrong path or on the unrouted legacy path, is acknowledged and stays silent.
"""

from collections.abc import Callable
from typing import Final
from urllib.parse import parse_qs

import msgspec
from starlette.routing import BaseRoute, WebSocketRoute
from starlette.types import Receive, Scope, Send

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.simulator.binance import BinanceClient, BinanceVenue
from cloud_marketdata.simulator.doorway import Doorway
from cloud_marketdata.simulator.faults.mischief import Mischief
from cloud_marketdata.simulator.shadow_binance import DIFF_KINDS

Carries = Callable[[str], bool]
PUBLIC_KINDS: Final = frozenset({"trade", "bookTicker", *DIFF_KINDS})
METHODS: Final = "SUBSCRIBE, UNSUBSCRIBE, LIST_SUBSCRIPTIONS, SET_PROPERTY, GET_PROPERTY"


def binance_sockets(venue: BinanceVenue, mischief: Mischief, clock: Clock) -> list[BaseRoute]:
    """Return the WebSocket routes of a venue."""
    door = Doorway(venue.subscriptions, mischief, clock)

    def routes(prefix: str, carries: Carries) -> list[BaseRoute]:
        return _routes(prefix, BinanceSocket(venue, mischief, door, carries))

    if not venue.usdm:
        return routes("", lambda _: True)
    return [
        *routes("/public", lambda kind: kind in PUBLIC_KINDS),
        *routes("/market", lambda kind: kind not in PUBLIC_KINDS),
        *routes("", lambda _: False),
    ]


def _routes(prefix: str, socket: "BinanceSocket") -> list[BaseRoute]:
    paths = ("/ws", "/ws/{streams:path}", "/stream")
    return [WebSocketRoute(prefix + path, socket) for path in paths]


class BinanceSocket:
    """One path of the venue; `carries` tells which kinds of stream it brings."""

    def __init__(
        self, venue: BinanceVenue, mischief: Mischief, door: Doorway, carries: Carries
    ) -> None:
        self._venue = venue
        self._mischief = mischief
        self._door = door
        self._carries = carries

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one client until it leaves."""
        client = BinanceClient(send)
        client.combined = scope["path"].endswith("/stream")
        if await self._door.admits(scope, receive, send, client):
            session = BinanceSession(self._venue, client, self._carries, self._mischief)
            session.subscribe(_asked(scope))
            await self._door.converse(receive, client, session.answers)


def _asked(scope: Scope) -> list[str]:
    """Return the streams named in the URL."""
    query = parse_qs(scope["query_string"].decode())
    names = scope["path_params"].get("streams", "") or query.get("streams", [""])[0]
    return [name for name in names.split("/") if name]


class CommandError(Exception):
    """A command is refused, with Binance's code and message."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class BinanceSession:
    """What one client has asked for, and the answers to its commands."""

    def __init__(
        self, venue: BinanceVenue, client: BinanceClient, carries: Carries, mischief: Mischief
    ) -> None:
        self._venue = venue
        self._client = client
        self._carries = carries
        self._mischief = mischief
        self._asked: dict[str, None] = {}

    def subscribe(self, streams: list[str]) -> None:
        """Note the streams; only those that exist and belong on this path will bring messages."""
        for stream in streams:
            self._asked[stream] = None
            if self._carries(stream.partition("@")[2]) and self._venue.offers(stream):
                self._venue.subscriptions.add(stream, self._client)
                self._mischief.subscribed(stream, self._client)

    def answers(self, text: str) -> list[bytes]:
        """Carry out one command and return the reply to send."""
        return [msgspec.json.encode(self.answer(text))]

    def answer(self, text: str) -> dict[str, object]:
        """Carry out one command and return the reply."""
        try:
            command = msgspec.json.decode(text)
        except msgspec.DecodeError as error:
            return {"code": 3, "msg": f"Invalid JSON: {error}"}
        name = command.get("id") if isinstance(command, dict) else None
        try:
            return {"result": self._result(command), "id": name}
        except CommandError as error:
            return {"code": error.code, "msg": str(error), "id": name}

    def _result(self, command: object) -> object:
        if not isinstance(command, dict) or "method" not in command:
            raise CommandError(2, "Invalid request: missing field `method`")
        params = command.get("params", [])
        match command["method"]:
            case "SUBSCRIBE":
                self.subscribe(_names(params))
            case "UNSUBSCRIBE":
                self._unsubscribe(_names(params))
            case "LIST_SUBSCRIPTIONS":
                return list(self._asked)
            case "SET_PROPERTY" | "GET_PROPERTY" as method:
                return self._property(params, setting=method.startswith("SET"))
            case other:
                msg = f"Invalid request: unknown variant {other}, expected one of {METHODS}"
                raise CommandError(2, msg)
        return None

    def _unsubscribe(self, streams: list[str]) -> None:
        for stream in streams:
            self._asked.pop(stream, None)
            self._venue.subscriptions.remove(stream, self._client)

    def _property(self, params: object, *, setting: bool) -> object:
        match params:
            case ["combined"] if not setting:
                return self._client.combined
            case ["combined", bool(wanted)] if setting:
                self._client.combined = wanted
                return None
            case ["combined", _] if setting:
                raise CommandError(1, "Invalid value type: expected Boolean")
            case [str(), *_]:
                raise CommandError(0, "Unknown property")
        raise CommandError(2, "Invalid request: property name must be a string")


def _names(params: object) -> list[str]:
    if isinstance(params, list) and params and all(isinstance(name, str) for name in params):
        return params
    raise CommandError(2, "Invalid request: params must be a list of stream names")
