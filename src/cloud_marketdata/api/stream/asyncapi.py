"""The AsyncAPI 3.1 page of the live stream, made of the models of its messages.

One WebSocket carries everything, so every channel of the page has the same address: one for what
concerns the connection, and one for each name that can be listened to. The operations are told
from the server's side, as AsyncAPI wants it: it receives requests and sends frames.
"""

import json
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from inspect import cleandoc
from typing import Any, Final

from fastapi import APIRouter
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from starlette.responses import Response

from cloud_marketdata.api.stream.described import REPLIES, Described, frames, replies, requests
from cloud_marketdata.api.stream.ports import ChannelName

PATH: Final = "/asyncapi.json"
ADDRESS: Final = "/v1/stream"
_CONTROL: Final = "connection"
_BINDINGS: Final = {"ws": {"method": "GET", "bindingVersion": "0.1.0"}}
_ID: Final = {"location": "$message.payload#/id", "description": "Chosen by the client, echoed"}
_EXAMPLES: Final = json.loads(files(__package__).joinpath("examples.json").read_text())
"""By message, one that a service has really sent, or is sent here; lists are cut short."""
_DESCRIPTION: Final = """
Live market data over one WebSocket: trades, books, profiles, order flow, candles, anomalies and
status. Prices and sizes are decimal strings, times are epoch milliseconds. Every frame names its
channel, its epoch and its seq; docs/stream.md tells how they are read. Where keys are asked for,
one is shown in a header of the handshake, or in `auth` within five seconds.
"""
_ABOUT: Final[Mapping[str, str]] = {
    _CONTROL: "Requests, their replies, and what is to be said of the key and of the end.",
    ChannelName.TRADES: "Every trade in the order of the log; `from` replays what came before.",
    ChannelName.DEPTH: "The top of the live book; told to be away while it is out of sync.",
    ChannelName.VOLUME_PROFILE: "The answer of volume-profile, and the rows that change.",
    ChannelName.ORDER_FLOW: "The answer of order-flow, and the bars that change.",
    ChannelName.CANDLES: "The answer of candles, and the bars that change.",
    ChannelName.ANOMALIES: "The answer of anomalies, and what is new or told anew.",
    ChannelName.STATUS: "How a market's trades and book are doing.",
}


def asyncapi(version: str) -> dict[str, Any]:
    """Return the document, for the service of this version."""
    sides = {_CONTROL: [*requests().values(), *replies()]}
    sides |= {name.value: list(frames(name)) for name in ChannelName}
    told = [described for side in sides.values() for described in side]
    refs, schemas = models_json_schema(
        [(one.model, one.mode) for one in told], ref_template="#/components/schemas/{model}"
    )
    messages = {one.name: _message(one, refs[one.model, one.mode]) for one in told}
    return {
        "asyncapi": "3.1.0",
        "info": {
            "title": "Cloud MarketData",
            "version": version,
            "description": cleandoc(_DESCRIPTION),
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {name: _channel(name, side) for name, side in sides.items()},
        "operations": _operations(sides),
        "components": {"messages": messages, "schemas": schemas["$defs"]},
    }


def build_page(version: str) -> APIRouter:
    """Return the route that serves the document; it is made when it is first asked for."""
    router = APIRouter()

    @cache
    def text() -> bytes:
        return json.dumps(asyncapi(version)).encode()

    @router.get(PATH, include_in_schema=False)
    async def get_asyncapi() -> Response:
        """Return the AsyncAPI document of the live stream."""
        return Response(text(), media_type="application/json")

    return router


def _channel(name: str, told: Iterable[Described]) -> dict[str, Any]:
    messages = {one.name: {"$ref": f"#/components/messages/{one.name}"} for one in told}
    about = {"title": name, "description": _ABOUT[name]}
    return {"address": ADDRESS, **about, "messages": messages, "bindings": _BINDINGS}


def _operations(sides: Mapping[str, Iterable[Described]]) -> dict[str, Any]:
    names = {described.model: described.name for described in replies()}
    told: dict[str, Any] = {
        op.value: _operation("receive", _CONTROL, [described.name], _doc(described.model))
        | {"reply": _at(_CONTROL, [names[REPLIES[op]], "refused"])}
        for op, described in requests().items()
    }
    told["notice"] = _operation(
        "send", _CONTROL, ["notice"], "Tell that the key is to be replaced."
    )
    told["farewell"] = _operation("send", _CONTROL, ["farewell"], "Tell why the connection ends.")
    for name in ChannelName:
        said = [described.name for described in sides[name.value]]
        told[name.value] = _operation("send", name, said, _ABOUT[name])
    return told


def _operation(action: str, channel: str, names: Iterable[str], summary: str) -> dict[str, Any]:
    return {"action": action, "summary": summary, **_at(channel, names)}


def _at(channel: str, names: Iterable[str]) -> dict[str, Any]:
    messages = [{"$ref": f"#/channels/{channel}/messages/{name}"} for name in names]
    return {"channel": {"$ref": f"#/channels/{channel}"}, "messages": messages}


def _message(one: Described, payload: Mapping[str, Any]) -> dict[str, Any]:
    message: dict[str, Any] = {"name": one.name, "summary": _doc(one.model), "payload": payload}
    if "id" in one.model.model_fields:
        message["correlationId"] = _ID
    if one.name in _EXAMPLES:
        message["examples"] = [{"name": one.name, "payload": _EXAMPLES[one.name]}]
    return message


def _doc(model: type[BaseModel]) -> str:
    return cleandoc(model.__doc__ or "")
