"""HTTP/2 as frames of one's own over TLS."""

import ssl
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from typing import Final, NamedTuple

from hpack import Decoder, Encoder
from hyperframe.frame import (
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    RstStreamFrame,
    SettingsFrame,
)
from rawhttp import PATIENCE_S, Door, dialled

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEAD: Final = 9
Field = tuple[bytes, bytes]


class Said(NamedTuple):
    """What a connection said: answers by stream, resets by stream, and whether it said goodbye."""

    statuses: dict[int, int]
    resets: dict[int, int]
    goodbye: int | None


class Frames:
    """One connection, of which every frame is ours to choose."""

    def __init__(self, connection: ssl.SSLSocket) -> None:
        self.connection = connection
        self.encoder = Encoder()
        self._decoder = Decoder()
        self._heard = b""

    def send(self, *frames: Frame) -> None:
        """Send frames together; a connection that is closed takes none."""
        with suppress(ConnectionError, ssl.SSLError):
            self.connection.sendall(b"".join(frame.serialize() for frame in frames))

    def asking(self, stream: int, fields: Iterable[Field], *flags: str) -> HeadersFrame:
        """Return a head; it ends headers and stream unless flags are given."""
        frame = HeadersFrame(stream, self.encoder.encode(list(fields)))
        frame.flags |= set(flags or ("END_HEADERS", "END_STREAM"))
        return frame

    def said(self, until: int, seconds: float = 5) -> Said:
        """Read until a stream is answered or reset, or the connection ends."""
        found = Said({}, {}, None)
        self.connection.settimeout(seconds)
        for frame in self._frames():
            if isinstance(frame, HeadersFrame):
                headers = dict(self._decoder.decode(frame.data))
                found.statuses[frame.stream_id] = int(headers[":status"])
            if isinstance(frame, RstStreamFrame):
                found.resets[frame.stream_id] = frame.error_code
            if isinstance(frame, GoAwayFrame):
                return found._replace(goodbye=frame.error_code)
            if until in found.resets or (until in found.statuses and ended(frame, until)):
                return found
        return found

    def _frames(self) -> Iterator[Frame]:
        with suppress(ConnectionError, ssl.SSLError):
            while piece := self.connection.recv(65_536):
                self._heard += piece
                while len(self._heard) >= HEAD:
                    frame, length = Frame.parse_frame_header(memoryview(self._heard[:HEAD]))
                    if len(self._heard) < HEAD + length:
                        break
                    frame.parse_body(memoryview(self._heard[HEAD : HEAD + length]))
                    self._heard = self._heard[HEAD + length :]
                    yield frame


def ended(frame: Frame, stream: int) -> bool:
    """Whether a frame is the last one of a stream."""
    return frame.stream_id == stream and "END_STREAM" in frame.flags


@contextmanager
def frames_to(door: Door, address: str) -> Iterator[Frames]:
    """Connect, agree on HTTP/2 and say hello."""
    with closing(dialled(door, address, PATIENCE_S, "h2")) as connection:
        assert connection.selected_alpn_protocol() == "h2"
        found = Frames(connection)
        connection.sendall(PREFACE)
        found.send(SettingsFrame(0))
        yield found


def fields(door: Door, path: bytes = b"/v1/markets", method: bytes = b"GET") -> list[Field]:
    """Return the head of a plain question."""
    return [
        (b":method", method),
        (b":scheme", b"https"),
        (b":authority", door.name.encode()),
        (b":path", path),
    ]


__all__ = ["DataFrame", "Frames", "Said", "fields", "frames_to"]
