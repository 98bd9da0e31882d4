"""What the edge reads of a request: once, and nothing of its question.

Header names come in lower case, as ASGI demands of servers. A header that came twice is kept twice,
because two answers to one question are a reason to refuse it.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

_READ: Final = frozenset(
    name.encode()
    for name in (
        *("host", "origin", "access-control-request-method", "user-agent"),
        *("authorization", "x-api-key"),
        *("content-length", "transfer-encoding", "content-encoding"),
        *("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"),
        "via",
    )
)


class Asked(NamedTuple):
    """A request from outside: its line, the headers that the edge knows, and the size of all.

    method: empty for a WebSocket. address_bytes: of path and query as they came.
    """

    method: str
    scheme: str
    path: str
    query: bytes
    heads: Mapping[bytes, list[str]]
    headers: int
    header_bytes: int
    address_bytes: int

    def all(self, name: bytes) -> list[str]:
        """Return every value that came under a name."""
        return self.heads.get(name, [])

    def first(self, name: bytes) -> str:
        """Return the first value under a name, or an empty text."""
        found = self.heads.get(name)
        return found[0] if found else ""


def read(scope: Mapping[str, Any]) -> Asked:
    """Read the scope of an HTTP request or of a WebSocket's handshake."""
    heads: dict[bytes, list[str]] = {}
    size, headers = 0, scope["headers"]
    for name, value in headers:
        size += len(name) + len(value)
        if name in _READ:
            heads.setdefault(name, []).append(value.decode("latin-1"))
    query = scope["query_string"]
    raw = scope.get("raw_path") or scope["path"].encode()
    return Asked(
        scope.get("method", ""),
        scope["scheme"],
        scope["path"],
        query,
        heads,
        len(headers),
        size,
        len(raw) + len(query),
    )
