"""What is measured: how many readers of how fast a channel, and how many that never read."""

from typing import Final

import msgspec

SYMBOL: Final = "BTCUSDT"
FLOOD: Final = "ETHUSDT"
"""The market that those who never read listen to: so busy that no buffer hides it for long."""
VENUE: Final = "bybit-linear"
UPDATE: Final = b'"type":"update"'


class Plan(msgspec.Struct, frozen=True):
    """The readers, the trades a second that each of them gets, and for how long."""

    clients: int = 1000
    rate: int = 50
    seconds: int = 10
    stuck: int = 1

    @property
    def trades(self) -> int:
        """How many trades each reader gets, each an update of its own while nothing lags."""
        return self.rate * self.seconds


class Crowded(msgspec.Struct, frozen=True):
    """What the crowd saw: messages, and the trades in them; ms since a trade was due."""

    messages: int
    delivered: int
    missing: int
    closed: int
    p50_ms: float
    p99_ms: float
    max_ms: float


def subscribe(symbol: str) -> bytes:
    """Return the request for a market's trades."""
    channel = {"name": "trades", "venue": VENUE, "symbol": symbol}
    return msgspec.json.encode({"op": "subscribe", "channels": [channel], "snapshot": False})
