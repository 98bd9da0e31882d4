"""What stands between a channel that makes frames and the connections that carry them.

A `Feed` makes each frame of a channel once, whoever listens; a `Listener` is one connection. The
hub brings them together: it starts a feed with its first listener and stops it after its last.
Everything here runs in one event loop, so offering a frame to all listeners is one step, and a
listener that is attached between two steps has neither a hole nor a repeat at the seam.
"""

from enum import StrEnum
from typing import NamedTuple, Protocol

from msgspec import Struct


class ChannelName(StrEnum):
    """What can be listened to."""

    TRADES = "trades"
    DEPTH = "depth"
    VOLUME_PROFILE = "volume-profile"
    ORDER_FLOW = "order-flow"
    CANDLES = "candles"
    ANOMALIES = "anomalies"
    STATUS = "status"


class Channel(Struct, frozen=True, order=True):
    """What is encoded once: a name, a market and every parameter with its default filled in.

    params: (name, value) by name, as the question of the same name in REST takes them; two
    subscriptions that mean the same thing are equal.
    """

    name: ChannelName
    venue: str
    symbol: str
    params: tuple[tuple[str, str | int | bool], ...] = ()


class FrameKind(StrEnum):
    """What a frame is in the life of a subscription."""

    SNAPSHOT = "snapshot"
    UPDATE = "update"
    STATUS = "status"
    HEARTBEAT = "heartbeat"
    CAUGHT_UP = "caught_up"


class Frame(NamedTuple):
    """One message of a channel, encoded once.

    seq: grows strictly from update to update within an epoch; the next update names it as its
    `prev_seq`. Snapshots, statuses, heartbeats and `caught_up` carry the seq they stand at.
    """

    kind: FrameKind
    seq: int
    text: str
    epoch: str = ""


class Since(NamedTuple):
    """Where a replay begins: behind a seq of an epoch, or at a match time in ns."""

    epoch: str = ""
    seq: int | None = None
    time: int | None = None


class Listener(Protocol):
    """One connection, as channels see it."""

    def offer(self, channel: Channel, frame: Frame) -> None:
        """Take a frame for sending. Never blocks and never raises: it is bounded by dropping."""
        ...

    async def room(self) -> None:
        """Return when a replay may go on without outrunning the reader."""
        ...


class Subscriptions(Protocol):
    """What a connection asks of the hub."""

    async def check(self, channel: Channel) -> None:
        """Raise what REST would raise of the same question: an unknown market, a bad parameter."""
        ...

    async def join(
        self, channel: Channel, listener: Listener, *, snapshot: bool, since: Since | None
    ) -> None:
        """Attach a listener; returns when it has its snapshot, or has caught up, and is live.

        Raises MarketDataError where the replay cannot be given whole, having attached nothing.
        Cancelling it leaves nothing behind.
        """
        ...

    def leave(self, channel: Channel, listener: Listener) -> None:
        """Detach a listener; nothing is offered to it any more."""
        ...

    def refresh(self, channel: Channel, listener: Listener) -> None:
        """Offer a snapshot of now to one that had to leave frames out (channels that conflate)."""
        ...
