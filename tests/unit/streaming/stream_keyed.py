"""What the tests of keys share: a stage that asks for them, and what is said on it."""

from typing import Any

from stream_lines import Line, Stage, settled

from cloud_marketdata.api.stream.messages import Farewell
from cloud_marketdata.api.stream.ports import Channel, ChannelName

TRADES = {"name": "trades", "venue": "bybit-linear", "symbol": "BTCUSDT"}
TAPE = Channel(ChannelName.TRADES, "bybit-linear", "BTCUSDT")
SUBSCRIBE = {"op": "subscribe", "channels": [TRADES]}


def asking(**settings: object) -> Stage:
    """Return a stage on which nobody is answered without a key."""
    return Stage(require_keys="always", **settings)


def auth(key: str) -> dict[str, Any]:
    """Return the request that shows a key."""
    return {"op": "auth", "id": "a", "key": key}


async def parted(line: Line) -> dict[str, Any]:
    """Return the last message of a connection that was closed, and check the close frame."""
    await settled()
    last = Farewell.model_validate(line.heard()[-1])
    closed = line.sent[-1]
    assert (closed["type"], closed["code"]) == ("websocket.close", last.close)
    return {"close": last.close, "code": last.code}
