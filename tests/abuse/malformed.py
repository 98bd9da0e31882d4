"""Requests that two readers could understand in two ways, or that are no requests at all."""

from typing import Final

HOST: Final = "{host}"
_SMUGGLED: Final = "GET /v1/keys HTTP/1.1\r\nHost: {host}\r\n\r\n"
_GET: Final = "GET /v1/markets HTTP/1.1\r\nHost: {host}\r\n"
_POST: Final = "POST /mcp HTTP/1.1\r\nHost: {host}\r\n"

TWO_MEANINGS: Final = {
    "length and chunks": f"{_POST}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
    f"0\r\n\r\n{_SMUGGLED}",
    "chunks and length": f"{_POST}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n"
    f"0\r\n\r\n{_SMUGGLED}",
    "two lengths": f"{_POST}Content-Length: 4\r\nContent-Length: 40\r\n\r\nabcd{_SMUGGLED}",
    "the same length twice": f"{_POST}Content-Length: 4\r\nContent-Length: 4\r\n\r\n"
    f"abcd{_SMUGGLED}",
    "a list of lengths": f"{_POST}Content-Length: 4, 4\r\n\r\nabcd{_SMUGGLED}",
    "a signed length": f"{_POST}Content-Length: +4\r\n\r\nabcd{_SMUGGLED}",
    "a negative length": f"{_POST}Content-Length: -4\r\n\r\nabcd{_SMUGGLED}",
    "an endless length": f"{_POST}Content-Length: {'9' * 30}\r\n\r\nabcd{_SMUGGLED}",
    "an unknown coding": f"{_POST}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n{_SMUGGLED}",
    "a space before the colon": f"{_POST}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n{_SMUGGLED}",
    "chunked is not last": f"{_POST}Transfer-Encoding: chunked, identity\r\n\r\n"
    f"0\r\n\r\n{_SMUGGLED}",
    "chunks of HTTP/1.0": "POST /mcp HTTP/1.0\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n"
    f"Connection: keep-alive\r\n\r\n0\r\n\r\n{_SMUGGLED}",
    "a folded line": f"{_GET}X-A: b\r\n c: d\r\n\r\n",
    "a folded key": f"{_GET}X-API-Key: cmd_live_\r\n aaaaaaaa\r\n\r\n",
    "bare line feeds": "GET /v1/markets HTTP/1.1\nHost: {host}\n\n",
    "a bare line feed": f"{_GET}X-A: b\nX-API-Key: c\r\n\r\n",
    "a bare carriage return": f"{_GET}X-A: b\rX-API-Key: c\r\n\r\n",
    "a NUL in a value": f"{_GET}X-API-Key: b\x00c\r\n\r\n",
    "a NUL in a name": f"{_GET}X\x00A: bc\r\n\r\n",
    "a NUL in the path": "GET /v1/mar\x00kets HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "a space in a name": f"{_GET}X A: b\r\n\r\n",
    "a line without a colon": f"{_GET}Authorization\r\n\r\n",
    "a negative chunk": f"{_POST}Transfer-Encoding: chunked\r\n\r\n-1\r\nx\r\n0\r\n\r\n{_SMUGGLED}",
    "an unknown method": "BREW /v1/markets HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "a version of tomorrow": "GET /v1/markets HTTP/3.0\r\nHost: {host}\r\n\r\n",
    "a hello of TLS": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + "a" * 200,
    "HTTP/2 at once": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
}
"""By what is wrong with it; `{host}` stands for the name of the service."""

BEHIND_THE_HEAD: Final = {"an unknown coding", "chunks of HTTP/1.0", "a negative chunk"}
"""What is only wrong in the body; the head may be refused first for what it is."""

ONLY_ODD: Final = {
    "no Host": "GET /v1/markets HTTP/1.1\r\nConnection: close\r\n\r\n",
    "two Hosts": f"{_GET}Host: evil.example\r\nConnection: close\r\n\r\n",
    "HTTP/0.9": "GET /v1/markets\r\n\r\n",
    "an upgrade to h2c": f"{_GET}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
    f"HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n\r\n{_SMUGGLED}",
    "an upgrade to nothing": f"{_GET}Connection: Upgrade\r\nUpgrade: foo\r\n\r\n{_SMUGGLED}",
    "a WebSocket with a body": "POST /v1/stream HTTP/1.1\r\nHost: {host}\r\nContent-Length: 5\r\n"
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\nhello{_SMUGGLED}",
    "a key in a trailer": f"{_POST}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    "0\r\nX-API-Key: {key}\r\n\r\n",
}
"""What a parser may take, and what must still not be answered without a key."""
