"""Reads what a client sends and answers it: one table of operations, one reply for each request.

Whatever comes, the reply is a message with `ok` and, where it is refused, a `code`; only the
connection's own end closes it. Keys are not asked for yet, which `auth` says as it is.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
from pydantic import BaseModel, JsonValue, TypeAdapter, ValidationError

from cloud_marketdata.api.stream.desk import Desk
from cloud_marketdata.api.stream.listening import Listening, Wanted, wanted_by
from cloud_marketdata.api.stream.messages import (
    Asked,
    Auth,
    Authed,
    ChannelResult,
    ChannelsReply,
    Id,
    List,
    Listened,
    ListReply,
    Op,
    Ping,
    Pong,
    Refused,
    Subscribe,
    Subscription,
    Unsubscribe,
)
from cloud_marketdata.api.stream.outbox import Outbox, Parting
from cloud_marketdata.api.stream.refusals import (
    BadJsonError,
    MessageTooLargeError,
    NotTextError,
    UnknownOpError,
)
from cloud_marketdata.api.stream.voice import own, params_of, result

MOST_CHARACTERS: Final = 65_536
FLOODING: Final = Parting(4429, "too_many_requests", "requests went on far beyond the limit")
_MODELS: Final[dict[str, type[Asked]]] = {
    Op.SUBSCRIBE: Subscribe,
    Op.UNSUBSCRIBE: Unsubscribe,
    Op.PING: Ping,
    Op.AUTH: Auth,
    Op.LIST: List,
}
_ID: Final[TypeAdapter[Id]] = TypeAdapter(Id)


class Controls:
    """Answers the requests of one connection, in their order."""

    def __init__(
        self, listening: Listening, outbox: Outbox, desk: Desk, group: asyncio.TaskGroup
    ) -> None:
        self._listening = listening
        self._outbox = outbox
        self._group = group
        self._readers = desk.readers
        self._voice = desk.voice
        self._pace = desk.pace()
        self._answers: dict[type[Asked], Callable[[Any], Awaitable[None]]] = {
            Subscribe: self._subscribe,
            Unsubscribe: self._unsubscribe,
            Ping: self._ping,
            Auth: self._auth,
            List: self._list,
        }

    async def take(self, text: str | None) -> None:
        """Answer one message; None stands for a binary one."""
        given: dict[str, object] = {}
        try:
            self._pace.step()
            given = _read(text)
            asked = _asked(given)
            await self._answers[type(asked)](asked)
        except Exception as error:  # noqa: BLE001  told to the client; what is ours is logged
            self._refuse(given, error)
        if self._pace.hopeless:
            self._outbox.part(FLOODING)

    async def _subscribe(self, asked: Subscribe) -> None:
        taken: list[Wanted] = []
        results = []
        for given in asked.channels:
            try:
                wanted = wanted_by(Subscription.model_validate(given))
                await self._listening.take_on(wanted)
            except Exception as error:  # noqa: BLE001  each channel is answered by itself
                results.append(self._not(given, error))
            else:
                taken.append(wanted)
                results.append(result(wanted.channel, ok=True))
        self._reply(asked, results)
        for wanted in taken:
            self._listening.start(wanted, self._group, snapshot=asked.snapshot)

    async def _unsubscribe(self, asked: Unsubscribe) -> None:
        results = []
        for given in asked.channels:
            try:
                wanted = wanted_by(Subscription.model_validate(given))
                self._listening.let_go(wanted.channel)
            except Exception as error:  # noqa: BLE001  each channel is answered by itself
                results.append(self._not(given, error))
            else:
                results.append(result(wanted.channel, ok=True))
        self._reply(asked, results)

    async def _ping(self, asked: Ping) -> None:
        self._say(Pong(id=asked.id, ts=self._voice.now_ms()))

    async def _auth(self, asked: Auth) -> None:
        self._say(Authed(id=asked.id, required=False))

    async def _list(self, asked: List) -> None:
        channels = [
            Listened(
                name=channel.name,
                venue=channel.venue,
                symbol=channel.symbol,
                params=params_of(channel),
                live=live,
            )
            for channel, live in self._listening
        ]
        self._say(ListReply(id=asked.id, channels=channels))

    def _reply(self, asked: Subscribe | Unsubscribe, results: list[ChannelResult]) -> None:
        fine = all(one.ok for one in results)
        self._say(ChannelsReply(op=asked.op, id=asked.id, ok=fine, results=results))

    def _say(self, message: BaseModel) -> None:
        self._outbox.offer(None, own(message))

    def _not(self, given: dict[str, JsonValue], error: Exception) -> ChannelResult:
        problem = self._voice.problem(error)
        self._readers.refused[problem.code] += 1
        return ChannelResult(
            name=_short(given.get("name")),
            venue=_short(given.get("venue")),
            symbol=_short(given.get("symbol")),
            ok=False,
            code=problem.code,
            detail=problem.detail,
            errors=problem.errors,
        )

    def _refuse(self, given: dict[str, object], error: Exception) -> None:
        problem = self._voice.problem(error)
        self._readers.refused[problem.code] += 1
        self._say(
            Refused(
                op=_short(given.get("op")),
                id=_id(given.get("id")),
                code=problem.code,
                detail=problem.detail,
                errors=problem.errors,
                request_id=problem.request_id,
            )
        )


def _read(text: str | None) -> dict[str, object]:
    if text is None:
        msg = "messages are text; this one is binary"
        raise NotTextError(msg)
    if len(text) > MOST_CHARACTERS:
        msg = f"a message has at most {MOST_CHARACTERS} characters; this one has {len(text)}"
        raise MessageTooLargeError(msg)
    try:
        given = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError) as error:
        msg = f"a message is one JSON object: {error}"
        raise BadJsonError(msg) from error
    if not isinstance(given, dict):
        msg = "a message is one JSON object with an op"
        raise BadJsonError(msg)
    return given


def _asked(given: dict[str, object]) -> Asked:
    op = given.get("op")
    model = _MODELS.get(op) if isinstance(op, str) else None
    if model is None:
        msg = f"op is one of {', '.join(_MODELS)}"
        raise UnknownOpError(msg)
    return model.model_validate(given)


def _id(given: object) -> Id:
    """Return what can be echoed of an id, also where the rest of the message is wrong."""
    try:
        return _ID.validate_python(given)
    except ValidationError:
        return None


def _short(given: object) -> str | None:
    """Return what can be echoed of a name, also where it is wrong."""
    return given if isinstance(given, str) and len(given) <= 64 else None  # noqa: PLR2004  as ids
