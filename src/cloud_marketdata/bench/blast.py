"""A replay server that is faster than any client: one connection, one buffer, one `sendall`.

It blocks, and so runs in a process of its own. All frames are made before it listens. On a
`/stream` path it sends after the client's SUBSCRIBE, which it acknowledges, as the venue does; on
`/ws/<stream>` it sends at once. It serves one client and returns when that one has gone.
"""

import base64
import hashlib
from collections.abc import Callable
from socket import SHUT_WR, socket
from typing import Any, BinaryIO, Final

import msgspec

from cloud_marketdata.bench.trades import frame, trades
from cloud_marketdata.core.errors import VenueError
from cloud_marketdata.core.hosting import bound

_MAGIC: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_PATIENCE_S: Final = 60.0
_EXTENDED: Final = 126


class Replay(msgspec.Struct, frozen=True):
    """What to send."""

    count: int
    symbol: str = "BTCUSDT"
    seed: int = 7


def blast(replay: Replay, port: int, ready: Callable[[int], None]) -> None:
    """Serve one client on 127.0.0.1; `ready` is told the port (a free one for 0).

    Raises VenueError where no client comes, or it does not speak WebSocket.
    """
    made = {combined: _frames(replay, combined=combined) for combined in (True, False)}
    with bound("127.0.0.1", port) as listener:
        listener.settimeout(_PATIENCE_S)
        ready(listener.getsockname()[1])
        try:
            connection, _ = listener.accept()
            with connection, connection.makefile("rb") as incoming:
                _serve(connection, incoming, made)
        except OSError as error:
            msg = f"the client went wrong: {error or type(error).__name__}"
            raise VenueError(msg) from error


def _frames(replay: Replay, *, combined: bool) -> bytes:
    payloads = trades(replay.count, replay.symbol, replay.seed, combined=combined)
    return b"".join(map(frame, payloads))


def _serve(connection: socket, incoming: BinaryIO, made: dict[bool, bytes]) -> None:
    path, key = _handshake(incoming)
    accept = base64.b64encode(hashlib.sha1(key + _MAGIC, usedforsecurity=False).digest())
    connection.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )
    combined = path.startswith(b"/stream")
    if combined:
        acknowledgement = {"result": None, "id": _command(incoming)["id"]}
        connection.sendall(frame(msgspec.json.encode(acknowledgement)))
    connection.sendall(made[combined])
    connection.shutdown(SHUT_WR)
    while incoming.read1():  # type: ignore[attr-defined]  # a socket's file is a BufferedReader
        pass


def _handshake(incoming: BinaryIO) -> tuple[bytes, bytes]:
    """Read the request; return its path and key."""
    path, key = incoming.readline().split(b" ")[1:2], b""
    while (line := incoming.readline()) not in {b"\r\n", b""}:
        name, _, value = line.partition(b":")
        if name.lower() == b"sec-websocket-key":
            key = value.strip()
    if not path or not key:
        msg = "the client spoke no WebSocket"
        raise VenueError(msg)
    return path[0], key


def _command(incoming: BinaryIO) -> Any:  # noqa: ANN401  any JSON document
    """Read one masked frame of the client."""
    size = incoming.read(2)[1] & 0x7F
    if size == _EXTENDED:
        size = int.from_bytes(incoming.read(2), "big")
    mask, masked = incoming.read(4), incoming.read(size)
    return msgspec.json.decode(bytes(byte ^ mask[at % 4] for at, byte in enumerate(masked)))
