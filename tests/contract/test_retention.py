"""Books leave the log with age; trades and status facts never do by age alone."""

import pytest
from contract_samples import BTC

from cloud_marketdata.domain.events import StatusEvent, StatusKind
from cloud_marketdata.domain.values import NS_PER_S
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

    gone = await HotRetention(stores.log, At(105 * MINUTE), minutes=2).trim()

    left = [record.events[0].received_at // MINUTE for record in await stores.log.read(stream)]
    expected = [103, 104] if kind is StreamKind.BOOK else [100, 101, 102, 103, 104]
    assert (gone, left) == (5 - len(expected), expected)
