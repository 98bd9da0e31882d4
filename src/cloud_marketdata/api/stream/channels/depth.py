"""Depth: the top of the live book as REST shows it, and the levels that changed since.

A level that leaves the asked window is deleted like one that is gone, so the book a client applies
is the book that a snapshot would show. A book out of sync is refused in words, never shown.
"""

from typing import Any, Final

from cloud_marketdata.api.questions import DepthParams, DepthQuestion
from cloud_marketdata.api.stream.channels.keyed import Change, Picture, differences
from cloud_marketdata.api.stream.channels.made import Made, made_kind
from cloud_marketdata.api.stream.channels.pictures import picture_of, question_of
from cloud_marketdata.api.stream.feed import Sources
from cloud_marketdata.api.stream.ports import Channel

_SIDES: Final = ("bids", "asks")


def levels_changed(old: Picture, new: Picture) -> Change | None:
    """Return the levels that changed; size 0 deletes, and deletions come first.

    Nothing is told while the book and what is said of it stay; meta is told when its reasons
    change, for the rest of it ages with every message.
    """
    reasons = _reasons(old) != _reasons(new)
    if old.data == new.data and not reasons:
        return None
    data = dict(new.data)
    for side in _SIDES:
        changed, gone = differences(old.data[side], new.data[side], "price")
        data[side] = [{"price": price, "size": "0"} for price in gone] + changed
    return Change(data, new.meta if reasons else None)


def _reasons(picture: Picture) -> Any:  # noqa: ANN401  a JSON value
    return picture.meta["quality"]["reasons"]


async def _ask(sources: Sources, channel: Channel) -> Picture:
    return picture_of(await sources.queries.depth(question_of(channel, DepthQuestion)))


_MADE: Final = Made(_ask, levels_changed, lambda settings: settings.stream_depth_ms, of_log=False)
KIND: Final = made_kind(DepthParams, _MADE)
