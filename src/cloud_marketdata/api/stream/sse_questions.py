"""How channels and places are written in a URL, for the server-sent events.

`channels=trades:binance-usdm:BTCUSDT,depth:bybit-linear:BTCUSDT;levels=20`: a name, a venue and a
symbol by colon, parameters behind them by semicolon, further channels by comma. A comma inside a
parameter is safe, as a channel begins with its name and a colon.
"""

import re
from typing import Final

from cloud_marketdata.api.stream.messages import Place, Subscription
from cloud_marketdata.core.errors import BadRequestError

_NEXT: Final = re.compile(r",(?=[a-z-]+:)")
_PARTS: Final = 3
_PLACE: Final = re.compile(r"(?P<epoch>.+):(?P<seq>\d{1,18})", re.ASCII)
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\dT", re.ASCII)


def subscriptions_in(text: str, since: str | None) -> list[Subscription]:
    """Read channels, and where the replay of a single one begins.

    Raises BadRequestError on a form that is none, pydantic's ValidationError on a wrong name.
    """
    given = [_subscription(one) for one in _NEXT.split(text)]
    if since is None:
        return [Subscription.model_validate(one) for one in given]
    if len(given) > 1:
        msg = "only a single channel can be resumed: its place says nothing of others"
        raise BadRequestError(msg)
    return [Subscription.model_validate({**given[0], "from": _place(since)})]


def _subscription(text: str) -> dict[str, str]:
    head, *tail = text.split(";")
    parts = head.split(":")
    params = dict(_pair(one) for one in tail)
    if len(parts) != _PARTS or len(params) != len(tail):
        msg = f"a channel is written name:venue:symbol;parameter=value: {text[:80]!r}"
        raise BadRequestError(msg)
    return {**params, "name": parts[0], "venue": parts[1], "symbol": parts[2]}


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or name in {"name", "venue", "symbol", "from"}:
        msg = f"a parameter of a channel is written name=value: {text[:80]!r}"
        raise BadRequestError(msg)
    return name, value


def _place(text: str) -> str | dict[str, object]:
    """Return an event's id as a place, and leave a time to whoever reads times."""
    found = _PLACE.fullmatch(text)
    if found is None or _DATE.match(text):
        return text
    return Place(epoch=found["epoch"], seq=int(found["seq"])).model_dump()
