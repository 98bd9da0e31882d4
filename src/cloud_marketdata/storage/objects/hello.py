"""Which TLS a server has chosen, read from the first bytes it sends (RFC 8446, 4.1.3).

The ServerHello is never encrypted, and from 1.3 on it must name its version in an extension; so
whoever carries the bytes can tell an older TLS before the client has heard of it.
"""

from typing import Final

_HEADER: Final = 5
_ALERT: Final = 21
_HANDSHAKE: Final = 22
_SERVER_HELLO: Final = 2
_MESSAGE: Final = 4
"""Octets of a message before its content: what it is, and how long."""
_SUPPORTED_VERSIONS: Final = 43
_EXTENSION: Final = 4
"""Octets of an extension before its value: what it is, and how long."""
_TLS_1_3: Final = b"\x03\x04"
_RANDOM_END: Final = 2 + 32
_LONGEST: Final = 1 << 14
PROTOCOL_VERSION_ALERT: Final = bytes.fromhex("15 0303 0002 02 46")
"""What a peer is told that speaks a TLS which is not wanted."""


def speaks_1_3(received: bytes) -> bool | None:
    """Return whether the bytes begin a TLS 1.3, or None while there are too few to tell.

    What is no TLS at all is no TLS 1.3. Alerts may come before the answer, and change nothing.
    """
    message = b""
    while len(received) >= _HEADER:
        kind, length = received[0], int.from_bytes(received[3:_HEADER], "big")
        if kind not in {_ALERT, _HANDSHAKE} or length > _LONGEST:
            return False
        record, received = received[_HEADER : _HEADER + length], received[_HEADER + length :]
        if kind == _HANDSHAKE:
            message += record
            if message and message[0] != _SERVER_HELLO:
                return False
            size = _MESSAGE + int.from_bytes(message[1:_MESSAGE], "big")
            if len(message) >= max(size, _MESSAGE):
                return _says_1_3(message[_MESSAGE:size])
            if len(message) > _LONGEST:
                return False
    return None


def _says_1_3(hello: bytes) -> bool:
    # Behind version and random: the session, the cipher, one octet of compression, extensions.
    at = _RANDOM_END + 1 + hello[_RANDOM_END] if len(hello) > _RANDOM_END else len(hello)
    left = hello[at + 5 :]
    while len(left) >= _EXTENSION:
        kind, end = int.from_bytes(left[:2], "big"), _EXTENSION + int.from_bytes(left[2:4], "big")
        if kind == _SUPPORTED_VERSIONS:
            return left[_EXTENSION:end] == _TLS_1_3
        left = left[end:]
    return False
