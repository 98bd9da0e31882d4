"""What goes out on a connection of HTTP/2: as fast as the client takes it, and no faster.

Nothing is kept for a client whose window is closed: the answer waits where it is made, for so long
as a socket would wait too; then its question is dropped.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.exceptions import StreamClosedError
from uvicorn.protocols.http.flow_control import FlowControl

from cloud_marketdata.core.http.door import Door
from cloud_marketdata.core.http.stream import Fields, Stream

_STUCK_S: Final = 30.0


class Sending:
    """The outgoing half of one connection; `forget` is told of each stream that has ended."""

    def __init__(
        self,
        connection: H2Connection,
        transport: asyncio.Transport,
        door: Door,
        forget: Callable[[int], None],
    ) -> None:
        self.flow = FlowControl(transport)
        self._connection = connection
        self._transport = transport
        self._door = door
        self._forget = forget

    def send_head(self, stream: Stream, fields: Fields) -> None:
        """See stream.Wire."""
        self._connection.send_headers(stream.number, fields)

    async def send_body(self, stream: Stream, data: bytes, *, ends: bool) -> None:
        """See stream.Wire."""
        left = memoryview(data)
        while not stream.gone:
            room = await self._room(stream) if left else 0
            if stream.gone:
                return
            part, left = left[:room], left[room:]
            last = ends and not left
            self._connection.send_data(stream.number, bytes(part), end_stream=last)
            self.flush()
            await self.flow.drain()
            if not left:
                break
        if ends and not stream.gone:
            self._answered(stream)

    def took(self, number: int, octets: int) -> None:
        """See stream.Wire."""
        if octets:
            self._connection.acknowledge_received_data(octets, number)
            self.flush()

    def drop(self, number: int, why: ErrorCodes = ErrorCodes.INTERNAL_ERROR) -> None:
        """See stream.Wire."""
        self._forget(number)
        if not self._transport.is_closing():
            self.reset(number, why)
            self.flush()

    def reset(self, number: int, why: ErrorCodes) -> None:
        """Have a stream reset with what is sent next."""
        with suppress(StreamClosedError):
            # What came together with the question may have ended it already.
            self._connection.reset_stream(number, why)

    def flush(self) -> None:
        """Send what h2 has to say."""
        data = self._connection.data_to_send()
        if data and not self._transport.is_closing():
            self._transport.write(data)

    async def _room(self, stream: Stream) -> int:
        """Return how many octets may be sent now, at least one; drops a stream that is stuck."""
        try:
            async with asyncio.timeout(_STUCK_S):
                while not stream.gone:
                    room = self._connection.local_flow_control_window(stream.number)
                    if room > 0:
                        return min(room, self._connection.max_outbound_frame_size)
                    stream.window.clear()
                    await stream.window.wait()
        except TimeoutError:
            self._door.refused["slow_reader"] += 1
            self.drop(stream.number, ErrorCodes.CANCEL)
        return 0

    def _answered(self, stream: Stream) -> None:
        if not stream.asked:
            # The rest of the question is of no interest any more (RFC 9113, 8.1).
            self.reset(stream.number, ErrorCodes.NO_ERROR)
            self.flush()
        stream.answered = True
        self._forget(stream.number)
