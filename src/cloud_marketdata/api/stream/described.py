"""Every message of the stream as a model of its own, with the parameters and the data spelled out.

The connection reads requests with looser models and leaves a channel's parameters to the question
of its name; a client author wants to see them. These models are for the page alone, and tests hold
real frames to it.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Annotated, Any, Final, Literal, NamedTuple, Union

from pydantic import BaseModel, Field, create_model
from pydantic.json_schema import JsonSchemaMode

from cloud_marketdata.api.envelope import DecimalText
from cloud_marketdata.api.stream import frame_models, messages
from cloud_marketdata.api.stream.asking import PARAMS
from cloud_marketdata.api.stream.frame_models import ChannelFrame
from cloud_marketdata.api.stream.messages import From, Message, Op
from cloud_marketdata.api.stream.ports import ChannelName, FrameKind
from cloud_marketdata.api.stream.shapes import SHAPES
from cloud_marketdata.domain.values import Venue

VenueName = Annotated[str, Field(json_schema_extra={"enum": [venue.value for venue in Venue]})]
_BASES: Final[Mapping[FrameKind, type[ChannelFrame]]] = {
    FrameKind.SNAPSHOT: frame_models.SnapshotFrame,
    FrameKind.UPDATE: frame_models.UpdateFrame,
    FrameKind.STATUS: frame_models.StatusFrame,
    FrameKind.HEARTBEAT: frame_models.HeartbeatFrame,
    FrameKind.CAUGHT_UP: frame_models.CaughtUpFrame,
}
REPLIES: Final[Mapping[Op, type[BaseModel]]] = {
    Op.SUBSCRIBE: messages.ChannelsReply,
    Op.UNSUBSCRIBE: messages.ChannelsReply,
    Op.PING: messages.Pong,
    Op.AUTH: messages.Authed,
    Op.LIST: messages.ListReply,
}


_PARAMS: Final = "Every parameter of the channel that has a value, whether it was given or not."
_ECHOED: Final[Mapping[str, Any]] = {
    **dict.fromkeys(("start", "end", "anchor"), int),
    "va_pct": DecimalText,
}


class Described(NamedTuple):
    """A message: how the page calls it, its model, and from which side its schema is seen."""

    name: str
    model: type[BaseModel]
    mode: JsonSchemaMode


@cache
def requests() -> Mapping[Op, Described]:
    """Return what a client may send, by operation."""
    asked = {"channels": (_channels(), ...)}
    models: Mapping[Op, type[BaseModel]] = {
        Op.SUBSCRIBE: _made(messages.Subscribe, "Subscribe", asked),
        Op.UNSUBSCRIBE: _made(messages.Unsubscribe, "Unsubscribe", asked),
        Op.PING: messages.Ping,
        Op.AUTH: messages.Auth,
        Op.LIST: messages.List,
    }
    return {op: Described(op.value, model, "validation") for op, model in models.items()}


def replies() -> Iterator[Described]:
    """Yield what the server says about the connection itself."""
    for name, model in (
        ("channels", messages.ChannelsReply),
        ("pong", messages.Pong),
        ("authed", messages.Authed),
        ("listed", messages.ListReply),
        ("refused", messages.Refused),
        ("notice", messages.Notice),
        ("farewell", messages.Farewell),
    ):
        yield Described(name, model, "serialization")


def frames(name: ChannelName) -> Iterator[Described]:
    """Yield the frames of a channel."""
    for kind, base in _BASES.items():
        if kind is FrameKind.CAUGHT_UP and name is not ChannelName.TRADES:
            continue
        model = _frame(name, kind, base)
        yield Described(f"{name}-{kind}".replace("_", "-"), model, "serialization")


def _frame(name: ChannelName, kind: FrameKind, base: type[ChannelFrame]) -> type[BaseModel]:
    fields: dict[str, Any] = {"channel": (Literal[name.value], ...)}
    if PARAMS[name].model_fields:
        fields["params"] = (_echoed(name), ...)
    fields |= SHAPES[name].get(kind, {})
    return _made(base, f"{_camel(name)}{_camel(kind)}Frame", fields)


def _channels() -> Any:  # noqa: ANN401  a type that is made of the channels there are
    some = list.__class_getitem__(Union[tuple(map(_listed, ChannelName))])  # noqa: UP007
    return Annotated[some, Field(min_length=1, max_length=messages.MOST_CHANNELS)]


def _echoed(name: ChannelName) -> type[BaseModel]:
    """Return the parameters as frames tell them: each time in epoch ms, each decimal as text."""
    fields: dict[str, Any] = {
        field: (
            _ECHOED.get(field, info.annotation),
            Field(default_factory=_absent, description=info.description),
        )
        for field, info in PARAMS[name].model_fields.items()
    }
    return create_model(f"{_camel(name)}Params", __base__=Message, __doc__=_PARAMS, **fields)


def _absent() -> None:
    """Stand for a parameter that has no value; it is left out, so null is no default of it."""


def _listed(name: ChannelName) -> type[BaseModel]:
    """Return how a channel is asked for: its name, the market, and the parameters beside them."""
    fields: dict[str, Any] = {
        "name": (Literal[name.value], ...),
        "venue": (VenueName, ...),
        "symbol": (str, ...),
    }
    if name is ChannelName.TRADES:
        fields["since"] = (From, None)
    return _made(PARAMS[name], f"{_camel(name)}Channel", fields)


def _made(base: type[BaseModel], name: str, fields: Mapping[str, Any]) -> type[BaseModel]:
    made: type[BaseModel] = create_model(name, __base__=base, __doc__=base.__doc__, **fields)
    return made


def _camel(name: str) -> str:
    return "".join(word.capitalize() for word in name.replace("_", "-").split("-"))
