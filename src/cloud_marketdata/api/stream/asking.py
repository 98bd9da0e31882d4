"""A channel out of what a client writes: checked by the question models of REST, defaults filled.

Two subscriptions that mean the same are equal channels, however they are spelled: times are epoch
milliseconds, decimals have one form, lists of words are sorted, and what is not set is not there.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from pydantic import BaseModel

from cloud_marketdata.api.stream.channels.registry import KINDS
from cloud_marketdata.api.stream.ports import Channel, ChannelName
from cloud_marketdata.api.times import parse_time
from cloud_marketdata.core.errors import BadRequestError
from cloud_marketdata.domain.values import NS_PER_MS, canonical

PARAMS: Final[Mapping[ChannelName, type[BaseModel]]] = {
    name: kind.params for name, kind in KINDS.items()
}
"""What may stand beside venue and symbol, by channel."""

Value = str | int | bool
_TIMES: Final = {"start", "end", "anchor"}
_WORDS: Final = {"kinds", "severity", "state"}


class UnknownChannelError(BadRequestError):
    """There is no channel of that name."""

    code = "unknown_channel"
    status = 404


def channel_of(name: str, venue: str, symbol: str, params: Mapping[str, object]) -> Channel:
    """Return the channel; values are JSON's, or all text as in a URL.

    Raises UnknownChannelError, BadTimeError, or pydantic's ValidationError, which names each
    wrong parameter. Whether the market is there and the values make sense, `check` tells.
    """
    if name not in set(ChannelName):
        msg = f"there is no channel {name[:40]!r}; there is {', '.join(ChannelName)}"
        raise UnknownChannelError(msg)
    channel = ChannelName(name)
    read = PARAMS[channel].model_validate(dict(params))
    given = {field: _plain(field, value) for field, value in dict(read).items()}
    named = sorted((field, value) for field, value in given.items() if value is not None)
    return Channel(channel, venue, symbol, tuple(named))


def _plain(name: str, value: object) -> Value | None:
    if value is None:
        return None
    if name in _TIMES and isinstance(value, str | int):
        return parse_time(value, name) // NS_PER_MS
    if name in _WORDS:
        words = {word.strip() for word in str(value).split(",")} - {""}
        return ",".join(sorted(words)) or None
    if isinstance(value, Decimal):
        return canonical(value)
    assert isinstance(value, str | int | bool)
    return value
