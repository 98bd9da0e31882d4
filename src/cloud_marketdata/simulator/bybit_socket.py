"""Bybit's public WebSocket: subscribe, unsubscribe and the client's ping.

One topic that is unknown, or already subscribed, fails its whole batch; spot takes at most ten
topics a request. A book topic begins with a snapshot.
"""

from collections.abc import Iterator
from random import Random
from typing import Final
from uuid import UUID

import msgspec
from msgspec import Struct
from starlette.routing import BaseRoute, WebSocketRoute
from starlette.types import Receive, Scope, Send

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.simulator.bybit import BybitVenue
from cloud_marketdata.simulator.connection import Connection
from cloud_marketdata.simulator.doorway import Doorway
from cloud_marketdata.simulator.faults.mischief import Mischief

MOST_SPOT_ARGS: Final = 10


class Command(Struct):
    """What a client may say; some number their requests, and get the number back as text."""

    op: str
    args: list[str] = []
    req_id: str | int = ""


class Reply(Struct, omit_defaults=True):
    """An answer to a command; req_id only where the client gave one."""

    success: bool
    ret_msg: str
    conn_id: str
    op: str
    req_id: str = ""


class BybitSocket:
    """The path of one category."""

    def __init__(self, venue: BybitVenue, mischief: Mischief, random: Random, clock: Clock) -> None:
        self._venue = venue
        self._mischief = mischief
        self._random = random
        self._door = Doorway(venue.subscriptions, mischief, clock)

    def routes(self) -> list[BaseRoute]:
        """Return the WebSocket routes."""
        return [WebSocketRoute(f"/v5/public/{self._venue.category}", self)]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one client until it leaves."""
        connection = Connection(send)
        if await self._door.admits(scope, receive, send, connection):
            name = str(UUID(int=self._random.getrandbits(128)))
            session = BybitSession(self._venue, connection, name, self._mischief)
            await self._door.converse(receive, connection, session.answer)


class BybitSession:
    """What one client has subscribed to, and the answers to its commands."""

    def __init__(
        self, venue: BybitVenue, connection: Connection, name: str, mischief: Mischief
    ) -> None:
        self._venue = venue
        self._mischief = mischief
        self._connection = connection
        self._name = name
        self._topics: set[str] = set()

    def answer(self, text: str) -> list[bytes]:
        """Carry out one command; return the reply and the snapshots that follow it."""
        try:
            command = msgspec.json.decode(text, type=Command)
        except msgspec.MsgspecError as error:
            return [self._reply(Command(""), f"Request format error: {error}", success=False)]
        match command.op:
            case "ping":
                return [self._reply(command, "pong")]
            case "subscribe":
                return self._subscribe(command)
            case "unsubscribe":
                return [self._unsubscribe(command)]
        return [self._reply(command, f"error:unknown op,op:{command.op}", success=False)]

    def _subscribe(self, command: Command) -> list[bytes]:
        refusal = self._refusal(command.args)
        if refusal:
            return [self._reply(command, refusal, success=False)]
        self._topics.update(command.args)
        return [self._acknowledged(command), *self._snapshots(command.args)]

    def _snapshots(self, topics: list[str]) -> Iterator[bytes]:
        for topic in topics:
            snapshot = self._venue.join(topic, self._connection)
            brings = self._mischief.subscribed(topic, self._connection)
            if snapshot and brings:
                yield self._mischief.shown(topic, snapshot)

    def _unsubscribe(self, command: Command) -> bytes:
        for topic in command.args:
            self._topics.discard(topic)
            self._venue.subscriptions.remove(topic, self._connection)
        return self._acknowledged(command)

    def _refusal(self, topics: list[str]) -> str:
        if not self._venue.linear and len(topics) > MOST_SPOT_ARGS:
            return "args size >10"
        for topic in topics:
            if not self._venue.offers(topic):
                return f"error:handler not found,topic:{topic}"
            if topic in self._topics:
                return f"error:already subscribed,topic:{topic}"
        return ""

    def _acknowledged(self, command: Command) -> bytes:
        return self._reply(command, "" if self._venue.linear else command.op)

    def _reply(self, command: Command, message: str, *, success: bool = True) -> bytes:
        reply = Reply(success, message, self._name, command.op, str(command.req_id))
        return msgspec.json.encode(reply)
