"""A body is read whole before the question behind it is looked at: in bounded size and time.

So a body without a stated length is bounded as any other, and a slow one holds up nobody but its
sender. What is inside the edge finds it as if it had just come.
"""

import asyncio

from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive

from cloud_marketdata.api.edge.sizes import BODY_BYTES, too_large
from cloud_marketdata.security.refusals import TooSlowError


async def received(receive: Receive, patience_s: float) -> Receive:
    """Return what gives the body that `receive` brings, and then whatever that brings behind it.

    Raises TooLargeError, TooSlowError, or ClientDisconnect where the client went.
    """
    try:
        async with asyncio.timeout(patience_s):
            body = await _whole(receive)
    except TimeoutError as error:
        msg = f"the body did not come within {patience_s:g} s"
        raise TooSlowError(msg) from error
    kept: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return kept.pop() if kept else await receive()

    return again


async def _whole(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        if len(body) > BODY_BYTES:
            raise too_large()
        if not message.get("more_body", False):
            return bytes(body)
