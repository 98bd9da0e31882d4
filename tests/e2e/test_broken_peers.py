"""A peer that breaks off the handshake or the protocol is a venue in trouble and nothing else."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from cloud_marketdata.collectors.connection.transport import connector
from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.core.errors import VenueError

pytestmark = pytest.mark.anyio
KEY_ENDING = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
"""What RFC 6455 has a server append to a client's key."""
UPGRADE = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: %s\r\n\r\n"
)
WHOLE = b"\x81\x02{}"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Heard:
    """A receiver that keeps what came."""

    def __init__(self) -> None:
        self.payloads: list[bytes] = []

    def message(self, payload: bytes, received_at: int) -> None:
        """See transport.Receiver."""
        assert received_at
        self.payloads.append(payload)

    def read_done(self) -> None:
        """See transport.Receiver."""

    def ponged(self) -> None:
        """See transport.Receiver."""


def accepted(request: bytes) -> bytes:
    """Return the answer that opens the WebSocket of a request."""
    lines = dict(line.split(b": ", 1) for line in request.split(b"\r\n") if b": " in line)
    key = {name.lower(): value for name, value in lines.items()}[b"sec-websocket-key"]
    proof = hashlib.sha1(key + KEY_ENDING).digest()  # noqa: S324  the protocol has it so
    return UPGRADE % base64.b64encode(proof)


@asynccontextmanager
async def peer(said: bytes, *, upgrades: bool) -> AsyncIterator[str]:
    """Serve one answer to whoever comes, and then hang up; tell the URL."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        writer.write((accepted(request) if upgrades else b"") + said)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async with asyncio.timeout(10), await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/x"


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"HTTP/1.1 101 Switching Proto",
        b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n",
        b"\xff\xfe\x00 no HTTP at all\r\n\r\n",
        UPGRADE % b"of somebody else",
    ],
    ids=["nothing", "half a line", "a refusal", "garbage", "a wrong proof"],
)
async def test_a_peer_that_does_not_upgrade_is_a_venue_in_trouble(said):
    async with peer(said, upgrades=False) as url:
        with pytest.raises(VenueError, match=f"cannot connect to {url}"):
            await connector(SystemClock())(url, Heard())


@pytest.mark.parametrize(
    "frame",
    [b"\x83\x02{}", b"\x81\x7f" + (17 << 20).to_bytes(8, "big") + b"x"],
    ids=["an unknown opcode", "seventeen megabytes"],
)
async def test_a_peer_that_breaks_the_protocol_is_a_venue_in_trouble(frame):
    heard = Heard()
    async with peer(WHOLE + frame, upgrades=True) as url:
        transport = await connector(SystemClock())(url, heard)
        with pytest.raises(VenueError, match="the venue broke the protocol"):
            await transport.closed()
    assert heard.payloads == [b"{}"]


async def test_a_peer_that_hangs_up_between_messages_has_closed_the_connection():
    heard = Heard()
    async with peer(WHOLE, upgrades=True) as url:
        transport = await connector(SystemClock())(url, heard)
        await transport.closed()
    assert heard.payloads == [b"{}"]
