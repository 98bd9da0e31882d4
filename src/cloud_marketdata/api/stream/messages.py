"""Every message that concerns a connection and not a channel, in and out, as models.

What comes in is checked with them, what goes out is made of them, and the AsyncAPI page tells both.
"""

from enum import StrEnum
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, SecretStr

from cloud_marketdata.api.errors import Fault
from cloud_marketdata.api.questions import TimeGiven
from cloud_marketdata.api.stream.ports import ChannelName

Params = dict[str, str | int | bool]
Id = Annotated[str, Field(max_length=64)] | int | None
"""Chosen by the client and echoed; it tells answers apart."""


MOST_CHANNELS: Final = 500
"""What one request may name: each is answered by itself, at greater length than it is asked."""
Channels = Annotated[list[dict[str, JsonValue]], Field(min_length=1, max_length=MOST_CHANNELS)]


class Op(StrEnum):
    """What a client may ask for."""

    SUBSCRIBE = "subscribe"
    UNSUBSCRIBE = "unsubscribe"
    PING = "ping"
    AUTH = "auth"
    LIST = "list"


class Message(BaseModel):
    """Any message: a field that is not described is an error, on both sides."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Place(Message):
    """Behind which update a replay begins: `seq` of an `epoch`, as frames told them."""

    epoch: str
    seq: Annotated[int, Field(ge=0)]


From = Annotated[
    Place | TimeGiven,
    Field(alias="from", description="Replay from behind a seq, or from a match time; trades only"),
]


class Subscription(BaseModel):
    """One channel of one market; what else stands here are the parameters of its REST question."""

    model_config = ConfigDict(extra="allow", frozen=True)

    name: ChannelName
    venue: str
    symbol: str
    since: From = None

    @property
    def params(self) -> dict[str, Any]:
        """Everything that is a parameter of the channel."""
        return dict(self.model_extra or {})


class Asked(Message):
    """Any request."""

    id: Id = None


class Ping(Asked):
    """Ask whether the server answers."""

    op: Literal[Op.PING]


class Auth(Asked):
    """Show a key, the first one or one that takes its place; without one, ask who is known."""

    op: Literal[Op.AUTH]
    key: Annotated[SecretStr, Field(max_length=128)] | None = None


class List(Asked):
    """Ask what this connection listens to."""

    op: Literal[Op.LIST]


class Subscribe(Asked):
    """Listen to channels, each from a snapshot on unless `snapshot` is false or `from` is given."""

    op: Literal[Op.SUBSCRIBE]
    channels: Channels
    snapshot: bool = True


class Unsubscribe(Asked):
    """Listen to channels no more."""

    op: Literal[Op.UNSUBSCRIBE]
    channels: Channels


class ChannelResult(Message):
    """What became of one channel of a request."""

    name: str | None = None
    venue: str | None = None
    symbol: str | None = None
    params: Params | None = None
    ok: bool
    code: str | None = None
    detail: str | None = None
    errors: list[Fault] | None = None


class Reply(Message):
    """The answer to a request; `op` and `id` are those of the request, where it had them."""

    op: str | None = None
    id: Id = None
    ok: bool


class Refused(Reply):
    """A request that could not be read or may not be answered."""

    ok: Literal[False] = False
    code: str
    detail: str
    errors: list[Fault] | None = None
    request_id: str | None = None
    retry_after_s: float | None = None


class Pong(Reply):
    """The answer to a ping, with the server's time in epoch ms."""

    op: Literal[Op.PING] = Op.PING
    ok: Literal[True] = True
    ts: int


class Authed(Reply):
    """The answer to auth: as whom the connection is known from now on.

    Without a key there is neither `key_id` nor an end; times are epoch ms.
    """

    op: Literal[Op.AUTH] = Op.AUTH
    ok: Literal[True] = True
    required: bool
    """Whether nothing is answered without a key."""
    owner: str
    scopes: list[str]
    key_id: str | None = None
    retires_at: int | None = None
    ends_at: int | None = None


class Named(Message):
    """A channel of a market, with every parameter filled in."""

    name: ChannelName
    venue: str
    symbol: str
    params: Params | None = None


class Listened(Named):
    """A channel that the connection listens to; `live` once it has its snapshot or caught up."""

    live: bool


class ListReply(Reply):
    """The answer to list."""

    op: Literal[Op.LIST] = Op.LIST
    ok: Literal[True] = True
    channels: list[Listened]


class ChannelsReply(Reply):
    """The answer to subscribe and unsubscribe; `ok` where every channel's result is."""

    op: Literal[Op.SUBSCRIBE, Op.UNSUBSCRIBE]
    results: list[ChannelResult]


class Got(Named):
    """The last update of a channel that was sent; a resumption begins behind it."""

    epoch: str
    seq: int


class Farewell(Message):
    """The last message before the server ends a connection, with the WebSocket close code."""

    op: Literal["close"] = "close"
    close: int
    code: str
    detail: str
    last: list[Got]


class Notice(Message):
    """The key of this connection is to be replaced: from `ends_at` on it is refused."""

    op: Literal["notice"] = "notice"
    code: Literal["key_rotation_due", "key_retired"]
    detail: str
    key_id: str
    retires_at: int
    ends_at: int
