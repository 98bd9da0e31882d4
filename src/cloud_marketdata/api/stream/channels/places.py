"""Finds places in a trades stream: the entry where a time begins, and the newest entries.

The log knows positions only, so a time is searched for: entries are received in the order of their
positions, and a trade is received after its match, or at most `SKEW` before it where clocks differ.
"""

from typing import Final, NamedTuple

from cloud_marketdata.api.stream.channels.tape import received, trades_of
from cloud_marketdata.domain.values import NS_PER_S
from cloud_marketdata.storage.ports import EventLog, Record, Stream

SKEW: Final = 10 * NS_PER_S
_PAGE: Final = 50


class Place(NamedTuple):
    """Where a replay begins: behind the position `after`, with the entry `first` if there is one.

    after: position of the entry before `first`, or 0 where it is the first one of all.
    """

    after: int
    first: Record | None


async def find_time(log: EventLog, stream: Stream, time: int) -> Place:
    """Return the place of the first entry, in log order, that holds a trade at or after `time`."""
    after = await _first_received(log, stream, time - SKEW)
    while records := await log.read(stream, after=after, limit=_PAGE):
        for record in records:
            if any(trade.exchange_time >= time for trade in trades_of(record)):
                return Place(after, record)
            after = record.position
    return Place(after, None)


async def newest(log: EventLog, stream: Stream, trades: int) -> list[Record]:
    """Return the newest entries that together hold so many trades; all there are, if fewer.

    They end with the newest entry of the moment when this was asked.
    """
    last = await log.last(stream)
    if last is None:
        return []
    best, step = [last], 1
    while sum(len(record.events) for record in best) < trades:
        found = await log.read(stream, after=max(0, last.position - step), limit=trades + 1)
        kept = [record for record in found if record.position <= last.position]
        if not kept or kept[-1].position != last.position:
            # More than enough lies in this step: what the one before showed has to do.
            break
        best = kept
        if step >= last.position:
            break
        step *= 2
    return _ending(best, trades)


async def _first_received(log: EventLog, stream: Stream, time: int) -> int:
    """Return the position before the first entry received at or after `time`, or 0.

    Half-way positions need not be entries: the first entry behind one speaks for it.
    """
    last = await log.last(stream)
    if last is None:
        return 0
    if received(last) < time:
        return last.position
    if await _reaches(log, stream, 0, time):
        return 0
    low, high = 0, last.position - 1
    while high - low > 1:
        middle = (low + high) // 2
        if await _reaches(log, stream, middle, time):
            high = middle
        else:
            low = middle
    return high


async def _reaches(log: EventLog, stream: Stream, after: int, time: int) -> bool:
    found = await log.read(stream, after=after, limit=1)
    return not found or received(found[0]) >= time


def _ending(records: list[Record], trades: int) -> list[Record]:
    """Return the last entries that together hold so many trades."""
    held = 0
    for at in range(len(records) - 1, -1, -1):
        held += len(records[at].events)
        if held >= trades:
            return records[at:]
    return records
