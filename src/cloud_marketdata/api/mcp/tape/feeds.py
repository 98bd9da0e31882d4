"""Whether anything brings a market's trades now, by what its collector said last."""

from typing import Final

from msgspec import Struct

from cloud_marketdata.api.times import iso
from cloud_marketdata.domain.events import StatusEvent, StatusKind
from cloud_marketdata.domain.values import NS_PER_S
from cloud_marketdata.storage.ports import EventLog, Stream, StreamKind

SILENCE_NS: Final = 20 * NS_PER_S
"""A collector speaks every five seconds; silence of four times that is no slow disk."""


class FeedState(Struct, frozen=True):
    """Whether trades can come, and why not, in words."""

    live: bool
    words: str


async def feed_state(log: EventLog, trades: Stream, now: int) -> FeedState:
    """Return what the newest entry of the market's status stream says."""
    last = await log.last(trades._replace(kind=StreamKind.STATUS))
    events = [event for event in last.events if isinstance(event, StatusEvent)] if last else []
    if not events:
        return FeedState(live=False, words="no collector has said anything of this market")
    newest = events[-1]
    if newest.received_at < now - SILENCE_NS:
        return FeedState(live=False, words=f"no collector is heard since {iso(newest.received_at)}")
    for event in reversed(events):
        lost = event.kind is StatusKind.TRADES_LOST
        if lost or (event.kind is StatusKind.ALIVE and not event.detail.get("trades")):
            return FeedState(live=False, words="no connection brings trades now")
        if event.kind is StatusKind.ALIVE:
            break
    return FeedState(live=True, words="live")
