"""Answers what a client asks: one table of operations, one reply for each request.

Whatever comes, the reply is a message with `ok` and, where it is refused, a `code`; only the
connection's own end closes it. Each request is charged before it is answered, and recorded after.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from pydantic import BaseModel, JsonValue

from cloud_marketdata.api.errors import Problem
from cloud_marketdata.api.stream.bearer import Bearer
from cloud_marketdata.api.stream.desk import Desk
from cloud_marketdata.api.stream.journal import Journal
from cloud_marketdata.api.stream.listening import Listening, Wanted, wanted_by
from cloud_marketdata.api.stream.messages import (
    Asked,
    Auth,
    ChannelResult,
    ChannelsReply,
    List,
    Listened,
    ListReply,
    Ping,
    Pong,
    Refused,
    Subscribe,
    Subscription,
    Unsubscribe,
)
from cloud_marketdata.api.stream.outbox import Parting
from cloud_marketdata.api.stream.prices import REQUEST, price_of
from cloud_marketdata.api.stream.requests import asked_in, id_in, read, short
from cloud_marketdata.api.stream.voice import own, params_of, result

FLOODING: Final = Parting(4429, "too_many_requests", "requests went on far beyond the limit")
_OPEN: Final = (Auth, Ping)
"""What is answered before a key is shown."""


class Controls:
    """Answers the requests of one connection, in their order."""

    def __init__(
        self, listening: Listening, bearer: Bearer, desk: Desk, group: asyncio.TaskGroup
    ) -> None:
        self._listening = listening
        self._bearer = bearer
        self._outbox = bearer.outbox
        self._group = group
        self._readers = desk.readers
        self._voice = desk.voice
        self._pace = desk.pace()
        self._clock = desk.clock
        self._required = desk.requires_keys
        self._answers: dict[type[Asked], Callable[[Any], Awaitable[Problem | None]]] = {
            Subscribe: self._subscribe,
            Unsubscribe: self._unsubscribe,
            Ping: self._ping,
            Auth: self._auth,
            List: self._list,
        }

    async def take(self, text: str | None, journal: Journal) -> None:
        """Answer one message; None stands for a binary one."""
        if self._outbox.parting is not None:
            # The last word is said; what comes after it is not read.
            return
        began = self._clock.monotonic()
        given: dict[str, object] = {}
        problem: Problem | None = None
        try:
            self._pace.step()
            try:
                given = read(text)
            finally:
                await self._bearer.ask()
            asked = asked_in(given)
            if not isinstance(asked, _OPEN):
                await self._bearer.pay(price_of(asked) - REQUEST)
            problem = await self._answers[type(asked)](asked)
        except Exception as error:  # noqa: BLE001  told to the client; what is ours is logged
            problem = self._refuse(given, error)
        finally:
            journal.asked(given, problem, began)
        if self._pace.hopeless:
            self._outbox.part(FLOODING)

    async def _subscribe(self, asked: Subscribe) -> Problem | None:
        taken: list[Wanted] = []
        results, problems = [], []
        for given in asked.channels:
            try:
                wanted = wanted_by(Subscription.model_validate(given))
                await self._listening.take_on(wanted)
            except Exception as error:  # noqa: BLE001  each channel is answered by itself
                problems.append(self._problem(error))
                results.append(_not(given, problems[-1]))
            else:
                taken.append(wanted)
                results.append(result(wanted.channel, ok=True))
        self._reply(asked, results)
        for wanted in taken:
            self._listening.start(wanted, self._group, snapshot=asked.snapshot)
        return problems[0] if problems else None

    async def _unsubscribe(self, asked: Unsubscribe) -> Problem | None:
        results, problems = [], []
        for given in asked.channels:
            try:
                wanted = wanted_by(Subscription.model_validate(given))
                self._listening.let_go(wanted.channel)
            except Exception as error:  # noqa: BLE001  each channel is answered by itself
                problems.append(self._problem(error))
                results.append(_not(given, problems[-1]))
            else:
                results.append(result(wanted.channel, ok=True))
        self._reply(asked, results)
        return problems[0] if problems else None

    async def _ping(self, asked: Ping) -> None:
        self._say(Pong(id=asked.id, ts=self._voice.now_ms()))

    async def _auth(self, asked: Auth) -> None:
        if asked.key is not None:
            await self._bearer.show(asked.key.get_secret_value())
        self._say(self._bearer.told(asked.id, required=self._required))

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

    def _problem(self, error: Exception) -> Problem:
        problem = self._voice.problem(error)
        self._readers.refused[problem.code] += 1
        return problem

    def _refuse(self, given: dict[str, object], error: Exception) -> Problem:
        problem = self._problem(error)
        if problem.retry_after_s is not None:
            self._pace.refuse()
        self._say(
            Refused(
                op=short(given.get("op")),
                id=id_in(given),
                code=problem.code,
                detail=problem.detail,
                errors=problem.errors,
                request_id=problem.request_id,
                retry_after_s=problem.retry_after_s,
            )
        )
        return problem


def _not(given: dict[str, JsonValue], problem: Problem) -> ChannelResult:
    return ChannelResult(
        name=short(given.get("name")),
        venue=short(given.get("venue")),
        symbol=short(given.get("symbol")),
        ok=False,
        code=problem.code,
        detail=problem.detail,
        errors=problem.errors,
    )
