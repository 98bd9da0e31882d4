"""Every frame of a channel as a model: what the AsyncAPI page tells, and tests hold frames to.

Frames are encoded by who makes them, once for all listeners; only a connection's own are made of
these.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, JsonValue

from cloud_marketdata.api.stream.messages import Message, Params
from cloud_marketdata.api.stream.ports import ChannelName, FrameKind


class ChannelFrame(Message):
    """Any frame of a channel; `ts` is the server's time in epoch ms."""

    channel: ChannelName
    venue: str
    symbol: str
    params: Params | None = None
    epoch: str
    seq: int
    ts: int


class SnapshotFrame(ChannelFrame):
    """The state at `seq`: what the REST question of the same name answers."""

    type: Literal[FrameKind.SNAPSHOT]
    data: JsonValue
    meta: dict[str, JsonValue] | None = None


class UpdateFrame(ChannelFrame):
    """What changed since `prev_seq`."""

    type: Literal[FrameKind.UPDATE]
    prev_seq: int
    data: JsonValue
    meta: dict[str, JsonValue] | None = None


class Standing(BaseModel):
    """What is to be said of a channel: a stable word, a sentence, and the facts beside them."""

    model_config = ConfigDict(extra="allow", frozen=True)

    code: str
    detail: str
    conflated: int | None = None
    ended: bool | None = None


class StatusFrame(ChannelFrame):
    """Something about the channel itself; `ended` where the subscription is over."""

    type: Literal[FrameKind.STATUS]
    data: Standing


class HeartbeatFrame(ChannelFrame):
    """The channel is alive and has nothing new; `seq` is that of the last update."""

    type: Literal[FrameKind.HEARTBEAT]


class CaughtUpFrame(ChannelFrame):
    """The replay is over; what follows is live. `meta` is how complete the replayed stretch is."""

    type: Literal[FrameKind.CAUGHT_UP]
    meta: dict[str, JsonValue]
