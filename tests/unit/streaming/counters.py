"""A small hub that works: every channel is a counter, kept whole, so any place can be replayed."""

from collections import defaultdict

from msgspec import json

from cloud_marketdata.api.stream.ports import Channel, Frame, FrameKind, Listener, Since
from cloud_marketdata.core.errors import BadRequestError, UnknownMarketError

EPOCH = "counted"


class Counters:
    """Subscriptions whose frames carry one number each."""

    def __init__(self) -> None:
        self.at: dict[Channel, int] = defaultdict(int)
        self.listeners: dict[Channel, list[Listener]] = defaultdict(list)
        self.broken: Exception | None = None
        self.padding = ""
        """Makes snapshots longer."""

    def publish(self, channel: Channel, padding: str = "") -> None:
        """Count one up and tell everybody."""
        self.at[channel] += 1
        frame = self.frame(channel, FrameKind.UPDATE, padding)
        for listener in [*self.listeners[channel]]:
            listener.offer(channel, frame)

    def frame(
        self, channel: Channel, kind: FrameKind, padding: str = "", seq: int | None = None
    ) -> Frame:
        """Write a frame as the models describe it."""
        seq = self.at[channel] if seq is None else seq
        told = {
            "channel": channel.name,
            "venue": channel.venue,
            "symbol": channel.symbol,
            "params": dict(channel.params) or None,
            "type": kind,
            "epoch": EPOCH,
            "seq": seq,
            "prev_seq": seq - 1 if kind is FrameKind.UPDATE else None,
            "ts": 1_700_000_000_000,
            "data": {"count": seq, "padding": padding} if kind in _WITH_DATA else None,
        }
        text = json.encode({k: v for k, v in told.items() if v is not None}).decode()
        return Frame(kind, seq, text, EPOCH)

    async def check(self, channel: Channel) -> None:
        """See Subscriptions."""
        if channel.symbol == "NOSUCH":
            msg = f"{channel.venue}/{channel.symbol} is not collected here"
            raise UnknownMarketError(msg)

    async def join(
        self, channel: Channel, listener: Listener, *, snapshot: bool, since: Since | None
    ) -> None:
        """See Subscriptions."""
        if self.broken is not None:
            raise self.broken
        if since is not None:
            await self._replay(channel, listener, since)
        elif snapshot:
            listener.offer(channel, self.frame(channel, FrameKind.SNAPSHOT, self.padding))
        self.listeners[channel].append(listener)

    def leave(self, channel: Channel, listener: Listener) -> None:
        """See Subscriptions."""
        self.listeners[channel] = [one for one in self.listeners[channel] if one is not listener]

    def refresh(self, channel: Channel, listener: Listener) -> None:
        """See Subscriptions."""
        listener.offer(channel, self.frame(channel, FrameKind.SNAPSHOT, self.padding))

    async def _replay(self, channel: Channel, listener: Listener, since: Since) -> None:
        if since.epoch != EPOCH:
            msg = f"epoch {since.epoch} is not kept"
            raise BadRequestError(msg)
        seq = since.seq or 0
        while seq < self.at[channel]:
            await listener.room()
            seq += 1
            listener.offer(channel, self.frame(channel, FrameKind.UPDATE, seq=seq))
        listener.offer(channel, self.frame(channel, FrameKind.CAUGHT_UP))


_WITH_DATA = {FrameKind.UPDATE, FrameKind.SNAPSHOT}
