"""Books leave the log with age; trades and status facts never do by age alone."""

import pytest
from contract_samples import BTC

from cloud_marketdata.domain.events import StatusEvent, StatusKind
from cloud_marketdata.domain.values import NS_PER_S
from cloud_marketdata.storage.membership import Membership
from cloud_marketdata.storage.memory.members import MemoryMembers
from cloud_marketdata.storage.ports import Batch, Stream, StreamKind
from cloud_marketdata.storage.retention import HotRetention

pytestmark = pytest.mark.anyio
MINUTE = 60 * NS_PER_S


class At:
    """A clock that shows one time."""

    def __init__(self, at: int) -> None:
        self._at = at

    def now(self) -> int:
        """Nanoseconds, as given."""
        return self._at


def told(at: int) -> StatusEvent:
    return StatusEvent(BTC.venue, BTC.symbol, StatusKind.CONNECTED, at)


@pytest.mark.parametrize("kind", list(StreamKind))
async def test_what_nobody_aggregates_leaves_the_log_after_the_hot_time(stores, kind):
    stream = Stream(BTC.venue, BTC.symbol, kind)
    for minute in range(100, 105):
        await stores.log.append([Batch(stream, [told(minute * MINUTE)])])

    members = Membership(MemoryMembers(At(0)), "process", "a", seconds=9, clock=At(0))
    await members.beat()
    retention = HotRetention(stores.log, At(105 * MINUTE), 2, members)
    gone = await retention.trim()

    left = [record.events[0].received_at // MINUTE for record in await stores.log.read(stream)]
    expected = [103, 104] if kind is StreamKind.BOOK else [100, 101, 102, 103, 104]
    assert (gone, left) == (5 - len(expected), expected)


async def test_of_several_processes_each_trims_what_is_its_own(stores):
    symbols = [f"S{number}USDT" for number in range(12)]
    streams = [Stream(BTC.venue, symbol, StreamKind.BOOK) for symbol in symbols]
    for stream in streams:
        for minute in (100, 104):
            await stores.log.append([Batch(stream, [told(minute * MINUTE)])])
    group = MemoryMembers(At(0))
    members = [Membership(group, "process", one, seconds=9, clock=At(0)) for one in "ab"]
    for one in members * 2:
        await one.beat()
    gone = [await HotRetention(stores.log, At(105 * MINUTE), 2, one).trim() for one in members]

    assert sum(gone) == len(streams)
    assert all(share > 0 for share in gone)
