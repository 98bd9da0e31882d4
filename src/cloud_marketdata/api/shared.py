"""Equal requests of REST that are there at the same time are answered by one, headers and all.

A dashboard that is opened a hundred times asks one thing a hundred times. What a request is made of
is read from it only once then, and so is the answer; each still gets its own number. Requests that
differ in what an answer depends on are never taken together, and a refusal is everybody's own. Who
asks is not part of that: everybody was let in and counted by the edge outside, before he came here.
"""

from collections.abc import Hashable
from typing import Final, NamedTuple

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cloud_marketdata.api.together import Together

_PATHS: Final = "/v1/markets"
_TELLING: Final = frozenset((b"accept", b"accept-encoding", b"if-none-match"))
_STREAM: Final = b"text/event-stream"
_COMMON: Final = (200, 304)


class _Answer(NamedTuple):
    """What was sent, and to whose request."""

    messages: list[Message]
    scope: Scope

    def suits(self, scope: Scope) -> bool:
        """Whether it answers a request too."""
        return scope is self.scope or self.messages[0]["status"] in _COMMON


class Shared:
    """An application that is asked once by all who ask the same at once."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._askers: Together[_Answer] = Together()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, by itself or by another's answer."""
        if not _shareable(scope):
            await self._app(scope, receive, send)
            return
        answer = await self._askers.of(_identity(scope), lambda: self._taken(scope, receive))
        if not answer.suits(scope):
            await self._app(scope, receive, send)
            return
        # Sent out of turn: an asker who reads slowly holds up nobody.
        for message in answer.messages:
            await send(message)

    async def _taken(self, scope: Scope, receive: Receive) -> _Answer:
        messages: list[Message] = []

        async def take(message: Message) -> None:
            messages.append(message)

        await self._app(scope, receive, take)
        return _Answer(messages, scope)


def _shareable(scope: Scope) -> bool:
    return (
        scope["type"] == "http"
        and scope["method"] == "GET"
        and scope["path"].startswith(_PATHS)
        and not any(_STREAM in value for name, value in scope["headers"] if name == b"accept")
    )


def _identity(scope: Scope) -> Hashable:
    telling = tuple(pair for pair in scope["headers"] if pair[0] in _TELLING)
    return scope["path"], scope["query_string"], telling
