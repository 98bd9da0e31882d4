"""A number for every request, so that who asked and the log can speak of the same one.

Event streams and MCP pass through untouched: their libraries reuse lists of headers, which nobody
may add to. For all others a new list is made.
"""

from collections.abc import Callable, Collection
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

REQUEST_ID: Final = "cloud_marketdata.request_id"
_HEADER: Final = b"x-request-id"


class Numbered:
    """An application whose answers carry `X-Request-ID`; `untouched` are paths left alone."""

    def __init__(
        self, app: ASGIApp, number: Callable[[], str], untouched: Collection[str] = ()
    ) -> None:
        self._app = app
        self._number = number
        self._untouched = frozenset(untouched)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Number the request and its answer, where nobody has numbered that yet."""
        if scope["type"] != "http" or scope["path"] in self._untouched:
            await self._app(scope, receive, send)
            return
        number = self._number()
        scope[REQUEST_ID] = number

        async def numbered(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", ()))
                if not any(name.lower() == _HEADER for name, _ in headers):
                    headers.append((_HEADER, number.encode()))
                message = {**message, "headers": headers}
            await send(message)

        await self._app(scope, receive, numbered)
