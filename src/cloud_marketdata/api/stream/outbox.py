"""What waits for one reader, bounded in bytes, whatever the reader does.

A reader that lags costs nobody else anything. Channels that only tell a state (a book, a profile)
conflate: what waits of them is left out, and a fresh snapshot follows when there is room, with the
count of what was left out. Trades and anomalies are never left out: where they no longer fit, the
reader is told off and may come back and resume behind what it got.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple

from cloud_marketdata.api.stream.ports import Channel, ChannelName, Frame, FrameKind

WHOLE: Final = frozenset({ChannelName.TRADES, ChannelName.ANOMALIES})
"""Channels of which nothing may be left out; all others conflate."""
PLACES: Final = frozenset({FrameKind.SNAPSHOT, FrameKind.UPDATE, FrameKind.CAUGHT_UP})
"""Frames whose seq says how far a reader got."""
_UNCOUNTED: Final = frozenset({FrameKind.HEARTBEAT, FrameKind.STATUS})


class Item(NamedTuple):
    """A frame on its way; `channel` is None for what concerns the connection."""

    channel: Channel | None
    frame: Frame


Post = Callable[[Item], bool]
"""Sends a frame at once; False where the writer has to see to it, as the socket is not ready."""


class Conflated(NamedTuple):
    """How often frames of this connection's channels were left out, and how many."""

    channel: Channel
    snapshot: Frame
    left_out: int


class Parting(NamedTuple):
    """Why a connection ends: a WebSocket close code, a stable word and a sentence."""

    close: int
    code: str
    detail: str


SLOW: Final = Parting(4408, "slow_reader", "trades waited longer than they are kept; resume")


class Outbox:
    """A Listener that keeps frames in order until a writer takes them.

    Args:
        most: how many bytes may wait; a single frame is taken whatever its size, if alone.
        refresh: asks for a fresh snapshot of a channel.
        tell: makes the frame that tells of a conflation.
    """

    def __init__(
        self,
        most: int,
        refresh: "Callable[[Channel, Outbox], None]",
        tell: Callable[[Conflated], Frame],
    ) -> None:
        self.parting: Parting | None = None
        self.conflated = 0
        self.sent_on = 0
        """How many frames went on to the reader."""
        self.sent: dict[Channel, Frame] = {}
        """By channel that is never conflated, the last frame whose seq is a place in it."""
        self._most = most
        self._half = most // 2
        self._refresh = refresh
        self._tell = tell
        self._items: deque[Item] = deque()
        self._bytes = 0
        self._behind: dict[Channel, int] = {}
        self._asked: set[Channel] = set()
        self._post: Post | None = None
        self._filled = asyncio.Event()
        self._roomy = asyncio.Event()
        self._roomy.set()

    @property
    def waiting(self) -> int:
        """Characters that wait: bytes, but for a rare word that is not ASCII."""
        return self._bytes

    def offer(self, channel: Channel | None, frame: Frame) -> None:
        """See Listener."""
        if self._behind and channel in self._behind:
            self._catch(channel, frame)
        elif self._post is not None:
            self._note(channel, frame)
            if not self._post(Item(channel, frame)):
                self._wake()
        elif self._bytes + len(frame.text) <= self._most:
            self._put(channel, frame)
        else:
            self._overflow(channel, frame)

    async def room(self) -> None:
        """See Listener: there is room while half of what may wait does not."""
        while self._bytes > self._half:
            self._roomy.clear()
            await self._roomy.wait()

    async def filled(self, post: Post) -> None:
        """Return when something waits, or the connection shall end.

        Until then nothing does, so that a frame goes to `post` as soon as it is offered: waking a
        task for each frame would cost several times what sending it does.
        """
        if not self._items:
            self._post = post
        await self._filled.wait()
        self._filled.clear()
        self._post = None

    def pop(self) -> Item | None:
        """Take the next frame."""
        if not self._items:
            return None
        item = self._items.popleft()
        channel, frame = item
        self._bytes -= len(frame.text)
        self._note(channel, frame)
        if self._bytes <= self._half and not self._roomy.is_set():
            self._roomy.set()
        return item

    def catch_up(self) -> None:
        """Ask for a snapshot of each channel that fell behind, while there is room."""
        if not self._behind:
            return
        for channel in [one for one in self._behind if one not in self._asked]:
            if self._bytes > self._half:
                return
            self._asked.add(channel)
            self._refresh(channel, self)

    def forget(self, channel: Channel) -> None:
        """Leave out what waits of a channel: nobody listens to it any more."""
        self._drop(channel)
        self._behind.pop(channel, None)
        self._asked.discard(channel)
        self.sent.pop(channel, None)

    def part(self, parting: Parting) -> None:
        """Have the connection end after what waits; only the first reason counts."""
        if self.parting is None:
            self.parting = parting
            self._wake()

    def cut(self, parting: Parting) -> None:
        """Have the connection end without what waits, and take nothing more."""
        self._items.clear()
        self._behind.clear()
        self._bytes = 0
        # Nothing fits from here on, so that what is offered until the end is dropped.
        self._most = -1
        self._roomy.set()
        self.part(parting)

    def _put(self, channel: Channel | None, frame: Frame) -> None:
        self._items.append(Item(channel, frame))
        self._bytes += len(frame.text)
        self._wake()

    def _wake(self) -> None:
        self._post = None
        self._filled.set()

    def _note(self, channel: Channel | None, frame: Frame) -> None:
        """Count a frame that goes on, and remember how far a channel got that can be resumed."""
        self.sent_on += 1
        if channel is not None and channel.name in WHOLE and frame.kind in PLACES:
            self.sent[channel] = frame

    def _fits(self, frame: Frame) -> bool:
        return not self._items or self._bytes + len(frame.text) <= self._most

    def _overflow(self, channel: Channel | None, frame: Frame) -> None:
        if self.parting is not None:
            return
        if self._fits(frame):
            self._put(channel, frame)
        elif channel is not None and channel.name not in WHOLE:
            self._fall_behind(channel)
            self._catch(channel, frame)
        elif self._made_room(frame):
            self._put(channel, frame)
        else:
            self.cut(SLOW)

    def _made_room(self, frame: Frame) -> bool:
        """Conflate whatever may be, the channel that waits longest first, until a frame fits."""
        waiting = dict.fromkeys(channel for channel, _ in self._items if channel is not None)
        for channel in waiting:
            if channel.name not in WHOLE:
                self._fall_behind(channel)
                if self._fits(frame):
                    return True
        return False

    def _fall_behind(self, channel: Channel) -> None:
        self._behind[channel] = self._behind.get(channel, 0) + self._drop(channel)

    def _catch(self, channel: Channel | None, frame: Frame) -> None:
        """Take a snapshot, which ends a conflation, or a status; count the others."""
        assert channel is not None
        if frame.kind is FrameKind.SNAPSHOT:
            self._asked.discard(channel)
        if frame.kind is FrameKind.SNAPSHOT and self._fits(frame):
            if left_out := self._behind.pop(channel):
                self.conflated += left_out
                self._put(channel, self._tell(Conflated(channel, frame, left_out)))
            self._put(channel, frame)
        elif frame.kind is FrameKind.STATUS and self._fits(frame):
            self._put(channel, frame)
        elif frame.kind not in _UNCOUNTED:
            self._behind[channel] += 1

    def _drop(self, channel: Channel) -> int:
        """Take out what waits of a channel; returns how many frames that carried something."""
        kept: deque[Item] = deque()
        dropped = 0
        for item in self._items:
            if item.channel != channel:
                kept.append(item)
                continue
            self._bytes -= len(item.frame.text)
            dropped += item.frame.kind not in _UNCOUNTED
        self._items = kept
        return dropped
