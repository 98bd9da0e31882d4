"""The writer's own laws: what is nothing but bad input is kept for people too."""

import pytest
from lines import NOW, Instant

from cloud_marketdata.collectors.rejections import Rejections
from cloud_marketdata.collectors.writer import LogWriter
from cloud_marketdata.domain.events import Rejection
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.storage.memory import memory_stores

pytestmark = pytest.mark.anyio


async def test_rejections_without_any_good_event_reach_the_quarantine():
    stores, rejections = memory_stores(Instant()), Rejections()
    writer = LogWriter(stores, rejections, Instant(), events_max=10)
    rejections.add(Rejection(Venue.BYBIT_SPOT, "malformed", "no JSON", b"{", NOW))

    writer.submit(())
    await writer.drain()

    assert await stores.quarantine.counts() == {(Venue.BYBIT_SPOT, "malformed"): 1}
    assert [kept.sample for kept in await stores.quarantine.samples()] == [b"{"]
