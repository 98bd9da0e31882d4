"""Writes the frames of one channel: the text that every connection sends as it is.

Everything that does not change from frame to frame is encoded once. `seq` is put in by whoever
makes the frame; this only spells it.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from cloud_marketdata.api.stream.ports import Channel, Frame, FrameKind
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.domain.values import NS_PER_MS

_ENCODER: Final = msgspec.json.Encoder()


class Frames:
    """Frames of a channel in one epoch."""

    def __init__(self, channel: Channel, epoch: str, clock: Clock) -> None:
        self.channel = channel
        self.epoch = epoch
        self._clock = clock
        market = {"channel": channel.name, "venue": channel.venue, "symbol": channel.symbol}
        told = market | ({"params": dict(channel.params)} if channel.params else {})
        self._open = _text(told)[:-1]
        self._epoch = _text(epoch)

    def snapshot(self, seq: int, data: object, meta: object = None) -> Frame:
        """Write the state at `seq`; `data` and `meta` are JSON values or msgspec structs."""
        return self._frame(FrameKind.SNAPSHOT, seq, data=data, meta=meta)

    def update(self, seq: int, after: int, data: object, meta: object = None) -> Frame:
        """Write what changed from `after` to `seq`; meta is left out where it is None."""
        return self._frame(FrameKind.UPDATE, seq, after=after, data=data, meta=meta)

    def status(self, seq: int, data: object) -> Frame:
        """Write something about the channel itself: a code, a sentence, facts beside them."""
        return self._frame(FrameKind.STATUS, seq, data=data)

    def heartbeat(self, seq: int) -> Frame:
        """Write that the channel is alive and stands at `seq`."""
        return self._frame(FrameKind.HEARTBEAT, seq)

    def caught_up(self, seq: int, meta: object) -> Frame:
        """Write that a replay is over; `meta` tells how complete the replayed stretch is."""
        return self._frame(FrameKind.CAUGHT_UP, seq, meta=meta)

    def _frame(
        self,
        kind: FrameKind,
        seq: int,
        *,
        after: int | None = None,
        data: object = None,
        meta: object = None,
    ) -> Frame:
        ts = self._clock.now() // NS_PER_MS
        parts = [f'{self._open},"type":"{kind}","epoch":{self._epoch},"seq":{seq}']
        parts += [f'"prev_seq":{after}'] if after is not None else []
        parts.append(f'"ts":{ts}')
        parts += _members(("data", data), ("meta", meta))
        return Frame(kind, seq, ",".join(parts) + "}", self.epoch)


def _members(*named: tuple[str, object]) -> Sequence[str]:
    return [f'"{name}":{_text(value)}' for name, value in named if value is not None]


def _text(value: object) -> str:
    return _ENCODER.encode(value).decode()
