"""HTTP/2 over TLS: many questions on one connection, each an ASGI request of its own.

The frames are h2's, which has been at it for ten years. Here is what it leaves to a server: time,
memory and the good will of the client. Questions at a time, heads, bodies and the answers that
nobody takes are bounded, and a client that asks and takes back without end is sent away.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    RemoteSettingsChanged,
    RequestReceived,
    StreamEnded,
    StreamReset,
    WindowUpdated,
)
from h2.exceptions import H2Error
from h2.settings import SettingCodes
from uvicorn.config import Config
from uvicorn.protocols.utils import get_local_addr, get_remote_addr
from uvicorn.server import ServerState

from cloud_marketdata.core.http.door import Door, Refusal
from cloud_marketdata.core.http.frames import Frames
from cloud_marketdata.core.http.question import scope_of
from cloud_marketdata.core.http.resets import Resets
from cloud_marketdata.core.http.sending import Sending
from cloud_marketdata.core.http.stream import Stream

_STREAMS: Final = 100


class Http2(asyncio.Protocol):
    """One connection; `leave` gives its place back."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        door: Door,
        leave: Callable[[], None],
    ) -> None:
        self._config = config
        self._server = server_state
        self._app_state = app_state
        self._door = door
        self._leave = leave
        self._loop = asyncio.get_running_loop()
        self._streams: dict[int, Stream] = {}
        self._running = 0
        self._resets = Resets()
        self._frames = Frames(door.head.octets)
        self._stopping = False
        self._idle: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport
        self._sending: Sending
        self._connection = H2Connection(H2Configuration(client_side=False, header_encoding=None))
        self._connection.local_settings.update(
            {
                SettingCodes.MAX_CONCURRENT_STREAMS: _STREAMS,
                SettingCodes.MAX_HEADER_LIST_SIZE: door.head.octets,
            }
        )
        self._connection.decoder.max_header_list_size = door.head.octets

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Begin to listen."""
        self._server.connections.add(self)  # type: ignore[arg-type] # all it asks for is shutdown()
        self._transport = transport
        self._sending = Sending(self._connection, transport, self._door, self._forget)
        self._base = {
            "server": get_local_addr(transport),
            "client": get_remote_addr(transport),
            "root_path": self._config.root_path,
        }
        self._connection.initiate_connection()
        self._sending.flush()
        self._rest(self._door.patience_s)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell every question that nobody waits."""
        del exc
        self._server.connections.discard(self)
        self._leave()
        self._rest(None)
        for number in list(self._streams):
            self._forget(number)
        self._sending.flow.resume_writing()

    def data_received(self, data: bytes) -> None:
        """Take frames; what is none of HTTP/2 ends the connection."""
        if not self._frames.allow(data):
            self._end("head_too_large")
            return
        try:
            for event in self._connection.receive_data(data):
                self._heard(event)
        except H2Error:
            self._end("malformed")
        else:
            self._sending.flush()

    def pause_writing(self) -> None:
        """Hear nothing either: what is asked now could not be answered."""
        self._sending.flow.pause_writing()
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Go on."""
        self._sending.flow.resume_writing()
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def shutdown(self) -> None:
        """Answer what is asked, take no more questions, then close."""
        self._stopping = True
        if not self._streams:
            self._end(None)

    def _heard(self, event: Event) -> None:
        match event:
            case RequestReceived():
                self._asked(event)
            case DataReceived():
                self._got(event)
            case StreamEnded() if event.stream_id in self._streams:
                self._asked_all(self._streams[event.stream_id])
            case StreamReset():
                self._taken_back(event.stream_id)
            case WindowUpdated() | RemoteSettingsChanged():
                for stream in self._streams.values():
                    stream.window.set()
            case ConnectionTerminated():
                self.shutdown()

    def _asked(self, event: RequestReceived) -> None:
        number = event.stream_id
        fields = list(event.headers)
        if self._stopping or self._running >= _STREAMS:
            # Also while answers are made that were taken back: they cost as much as any.
            self._sending.reset(number, ErrorCodes.REFUSED_STREAM)
            return
        few = len(fields) <= self._door.head.fields
        scope = scope_of(fields, ends=event.stream_ended is not None) if few else None
        if scope is None:
            self._turn_away("malformed")
            self._sending.reset(number, ErrorCodes.PROTOCOL_ERROR)
            return
        scope |= self._base
        scope["state"] = self._app_state.copy()
        stream = self._streams[number] = Stream(self._sending, number, scope)
        self._rest(None)
        patience_s = self._door.patience_s
        stream.deadline = self._loop.call_later(patience_s, self._too_slow, number)
        self._start(stream)

    def _start(self, stream: Stream) -> None:
        self._running += 1
        answering = stream.run(self._config.loaded_app, self._server.default_headers)
        task = self._loop.create_task(answering)
        self._server.tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running -= 1
        self._server.tasks.discard(task)

    def _got(self, event: DataReceived) -> None:
        stream = self._streams.get(event.stream_id)
        if stream is None:
            self._connection.acknowledge_received_data(
                event.flow_controlled_length, event.stream_id
            )
        else:
            stream.got(event.data, event.flow_controlled_length)

    def _asked_all(self, stream: Stream) -> None:
        if stream.deadline is not None:
            stream.deadline.cancel()
        stream.got_all()

    def _taken_back(self, number: int) -> None:
        self._forget(number)
        if self._resets.too_many(self._loop.time()):
            self._end("resets", ErrorCodes.ENHANCE_YOUR_CALM)

    def _too_slow(self, number: int) -> None:
        self._door.refused["slow_body"] += 1
        self._sending.drop(number, ErrorCodes.CANCEL)

    def _forget(self, number: int) -> None:
        stream = self._streams.pop(number, None)
        if stream is None:
            return
        if stream.deadline is not None:
            stream.deadline.cancel()
        if stream.answered:
            self._server.total_requests += 1
        else:
            stream.lost()
        if self._transport.is_closing():
            return
        # The window of the whole connection is short of it until then.
        self._sending.took(number, stream.unread())
        if self._streams:
            return
        if self._stopping:
            self._end(None)
        else:
            self._rest(self._config.timeout_keep_alive)

    def _rest(self, seconds: float | None) -> None:
        """Close after so much time without a question; None is while there is one."""
        if self._idle is not None:
            self._idle.cancel()
        self._idle = None if seconds is None else self._loop.call_later(seconds, self._end, None)

    def _turn_away(self, why: Refusal) -> None:
        client = self._base["client"]
        self._door.turn_away(why, client[0] if client else "", self._loop.time())

    def _end(self, why: Refusal | None, code: ErrorCodes = ErrorCodes.NO_ERROR) -> None:
        """Say goodbye and close; `why` counts it as a refusal."""
        if self._transport.is_closing():
            return
        if why is not None:
            self._turn_away(why)
        if why != "malformed":
            self._connection.close_connection(code)
        self._sending.flush()
        self._transport.close()
