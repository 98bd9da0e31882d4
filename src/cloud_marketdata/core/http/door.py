"""What a server lets in: how many connections at a time, and how long each may take to speak.

A client that opens a connection and says nothing, or half of it, costs a place and no more than
that, and only for as long as the patience lasts. Whatever is turned away here was never a request;
it is counted by its reason.
"""

from collections import Counter
from socket import socket
from typing import Final, Literal, NamedTuple

from cloud_marketdata.core.health import Pulse

Refusal = Literal[
    "full", "handshake", "slow_head", "slow_body", "slow_reader", "head_too_large", "malformed",
    "resets",
]  # fmt: skip
_SWEEP_S: Final = 1.0


class HeadLimits(NamedTuple):
    """How much a request may say before its body."""

    octets: int = 32 * 1024
    fields: int = 100


class Door:
    """Counts the connections of one server.

    connections: how many may be open at a time; one more is closed at once.
    patience_s: how long a client may take for the handshake, for a head, and for a body.
    """

    def __init__(self, connections: int, patience_s: float, head: HeadLimits | None = None) -> None:
        self.patience_s = patience_s
        self.head = head or HeadLimits()
        self.refused: Counter[Refusal] = Counter()
        self._connections = connections
        self._inside: set[socket] = set()
        self._most = 0
        self._swept = 0.0

    def enter(self, arrived: socket, now: float) -> bool:
        """Take a place; False where there is none. `now` is in seconds, of a clock that runs."""
        if now >= self._swept + _SWEEP_S:
            # Who has become a WebSocket leaves without a word.
            self._swept = now
            self._inside = {one for one in self._inside if _is_open(one)}
        if len(self._inside) >= self._connections:
            self.refused["full"] += 1
            return False
        self._inside.add(arrived)
        self._most = max(self._most, len(self._inside))
        return True

    def leave(self, arrived: socket) -> None:
        """Give a place back; nothing happens where it is free already."""
        self._inside.discard(arrived)

    async def pulse(self) -> Pulse:
        """See core.health.Component."""
        is_open = sum(map(_is_open, self._inside))
        full = is_open >= self._connections
        detail: dict[str, object] = {
            "open": is_open,
            "most": self._most,
            "limit": self._connections,
            "refused": dict(self.refused),
        }
        state = "full" if full else "ok"
        return Pulse("security", "connections", state, ok=not full, detail=detail)


def _is_open(one: socket) -> bool:
    return one.fileno() >= 0
