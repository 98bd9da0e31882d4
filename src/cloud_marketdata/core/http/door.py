"""What a server lets in: how many connections at a time, and how long each may take to speak.

A client that opens a connection and says nothing, or half of it, costs a place and no more than
that, and only for as long as the patience lasts. Whatever is turned away here was never a request;
it is counted by its reason, and told where something was said, as often as the bound allows.
"""

from collections import Counter
from collections.abc import Callable
from socket import socket
from typing import Final, Literal, NamedTuple

from cloud_marketdata.core.health import Pulse

Refusal = Literal[
    "full", "handshake", "slow_head", "slow_body", "slow_reader", "head_too_large", "malformed",
    "resets",
]  # fmt: skip
_SWEEP_S: Final = 1.0
_TOLD_MOST: Final = 600
_TOLD_S: Final = 60.0
"""So much is told within that time: who is turned away has met no limit, and must fill no disk."""


class Turned(NamedTuple):
    """Who was turned away, and why, as a client and the audit log know it; 0 is no status."""

    code: str
    status: int
    address: str


CODES: Final[dict[Refusal, tuple[str, int]]] = {
    "slow_head": ("too_slow", 408),
    "slow_body": ("too_slow", 408),
    "head_too_large": ("headers_too_large", 431),
    "malformed": ("bad_request", 400),
    "resets": ("too_many_resets", 0),
}
"""What is said of a request that was not heard to its end."""


def _nobody(turned: Turned) -> None:
    """Tell nobody."""


class HeadLimits(NamedTuple):
    """How much a request may say before its body."""

    octets: int = 32 * 1024
    fields: int = 100


class Door:
    """Counts the connections of one server.

    connections: how many may be open at a time; one more is closed at once.
    patience_s: how long a client may take for the handshake, for a head, and for a body.
    told: hears of each request that was turned away.
    """

    def __init__(
        self,
        connections: int,
        patience_s: float,
        head: HeadLimits | None = None,
        told: Callable[[Turned], None] = _nobody,
    ) -> None:
        self.patience_s = patience_s
        self.head = head or HeadLimits()
        self.refused: Counter[Refusal] = Counter()
        self.untold = 0
        self._tell = told
        self._told = 0
        self._told_since = 0.0
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

    def turn_away(self, why: Refusal, address: str, now: float) -> None:
        """Count a request that was not heard to its end, and tell of it."""
        self.refused[why] += 1
        if now >= self._told_since + _TOLD_S:
            self._told, self._told_since = 0, now
        if self._told >= _TOLD_MOST:
            self.untold += 1
            return
        self._told += 1
        self._tell(Turned(*CODES[why], address))

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
            "untold": self.untold,
        }
        state = "full" if full else "ok"
        return Pulse("security", "connections", state, ok=not full, detail=detail)


def _is_open(one: socket) -> bool:
    return one.fileno() >= 0
