"""`/v1/stream/sse`: the same frames as server-sent events, for curl and for browsers.

What is wrong with the question is told as a problem before the stream begins. Of a single trades
channel each event has an id, `epoch:seq`; a client that comes back with `Last-Event-ID` goes on
behind it. It is never compressed: a compressor would hold events back.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from cloud_marketdata.api.edge.visit import Visit, visit_of
from cloud_marketdata.api.stream.delivery import Delivery, ReaderGoneError
from cloud_marketdata.api.stream.delivery import Send as Sending
from cloud_marketdata.api.stream.desk import Desk
from cloud_marketdata.api.stream.journal import outcome_of
from cloud_marketdata.api.stream.listening import Listening, Wanted
from cloud_marketdata.api.stream.outbox import PLACES, Item, Outbox, Parting
from cloud_marketdata.api.stream.ports import Channel, ChannelName, Frame
from cloud_marketdata.api.stream.voice import farewell

MEDIA_TYPE: Final = "text/event-stream"
OVER: Final = Parting(1000, "over", "none of the channels could be joined")
_HEADERS: Final = (
    (b"content-type", MEDIA_TYPE.encode() + b"; charset=utf-8"),
    (b"cache-control", b"no-store, no-transform"),
    (b"x-accel-buffering", b"no"),
)
_AGAIN: Final = b"retry: 3000\n\n"


class EventStream(Response):
    """Answers with the frames of channels for as long as somebody reads."""

    media_type = MEDIA_TYPE

    def __init__(self, desk: Desk, wanted: Sequence[Wanted], *, snapshot: bool) -> None:
        super().__init__()
        self._desk = desk
        self._wanted = wanted
        self._snapshot = snapshot

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take on all channels or raise, and then stream."""
        visit = visit_of(scope)
        outbox = self._desk.outbox()
        with self._desk.admitted(visit, outbox):
            listening = self._desk.listening(outbox)
            try:
                for wanted in self._wanted:
                    await listening.take_on(wanted)
                await send({"type": "http.response.start", "status": 200, "headers": _headers()})
                await send(_body(_AGAIN))
                await self._stream(receive, send, outbox, listening)
            finally:
                listening.end()
                _note(visit, outbox)

    async def _stream(
        self, receive: Receive, send: Send, outbox: Outbox, listening: Listening
    ) -> None:
        delivery = self._desk.delivery(outbox, _sending(send, self._resumable()))
        try:
            async with asyncio.TaskGroup() as group:
                joins = [
                    listening.start(wanted, group, snapshot=self._snapshot)
                    for wanted in self._wanted
                ]
                group.create_task(_delivered(delivery, send, outbox))
                group.create_task(delivery.watch())
                group.create_task(_disconnected(receive))
                await asyncio.wait(joins)
                if not len(listening):
                    outbox.part(OVER)
        except* ReaderGoneError:
            pass

    def _resumable(self) -> Channel | None:
        """Return the channel whose seq alone says where the reader stands."""
        only = self._wanted[0].channel if len(self._wanted) == 1 else None
        return only if only is not None and only.name is ChannelName.TRADES else None


def _note(visit: Visit, outbox: Outbox) -> None:
    """Leave for the audit log why the stream was ended from this side, if it was."""
    if outbox.parting is not None:
        visit.code = outbox.parting.code
        visit.outcome = outcome_of(outbox.parting)


def _headers() -> list[tuple[bytes, bytes]]:
    # A list of its own for each answer: whoever edits one must not edit the next.
    return [*_HEADERS]


def _sending(send: Send, resumable: Channel | None) -> Sending:
    def one(item: Item) -> Awaitable[None]:
        place = _place(item.frame) if item.channel is not None and item.channel == resumable else ""
        frame = item.frame
        return send(_body(f"{place}data: {frame.text}\n\n".encode()))

    return one


def _place(frame: Frame) -> str:
    """Return the line that says where a reader stands, if the frame does."""
    if frame.kind in PLACES:
        return f"id: {frame.epoch}:{frame.seq}\n"
    # A place that cannot be joined would be asked for again by every reconnect of a browser.
    return "" if frame.epoch else "id: \n"


def _body(chunk: bytes) -> dict[str, object]:
    return {"type": "http.response.body", "body": chunk, "more_body": True}


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    raise ReaderGoneError


async def _delivered(delivery: Delivery, send: Send, outbox: Outbox) -> None:
    """Send until the stream shall end, and then say why."""
    await delivery.run()
    parting = outbox.parting
    assert parting is not None
    try:
        await send(_body(f"data: {farewell(parting, outbox).text}\n\n".encode()))
        await send({"type": "http.response.body", "body": b"", "more_body": False})
    except OSError as error:
        raise ReaderGoneError from error
    raise ReaderGoneError
