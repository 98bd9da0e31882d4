"""A worker is hired for every market of which the log holds trades or facts."""

from random import Random

import pytest
from worker_tape import BTC, START, STREAM, StillClock, append, fresh_stores, trade

from cloud_marketdata.core.config import Settings
from cloud_marketdata.domain.coverage import Covered
from cloud_marketdata.domain.events import BookSnapshot, StatusEvent, StatusKind
from cloud_marketdata.domain.ledger import Ledger
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.processing.crew import Crew
from cloud_marketdata.storage.membership import Membership
from cloud_marketdata.storage.ports import Batch, Stores, Stream, StreamKind
from cloud_marketdata.storage.tiering.ports import Turn

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def nothing(_venue: Venue, _symbol: str, *, fence: int) -> Turn:
    """Forget nothing: no test here is old enough."""
    assert fence > 0
    return Turn()


def crew(stores: Stores) -> Crew:
    random = Random(1)  # noqa: S311  a seed must repeat
    clock = StillClock()
    members = Membership(stores.members, "process", "one", seconds=10, clock=clock)
    return Crew(stores, Settings(), clock, random, forget=nothing, membership=members)


async def test_trades_and_facts_of_a_market_have_one_worker():
    stores, _ = fresh_stores()
    started = StatusEvent(BTC.venue, BTC.symbol, StatusKind.STARTED, START)
    await append(stores, trade(1, START))
    await stores.log.append([Batch(STREAM._replace(kind=StreamKind.STATUS), [started])])
    made = crew(stores)
    await made.finish()

    assert list(made.workers) == [STREAM]


async def test_a_market_without_trades_has_a_ledger_and_one_with_a_book_alone_has_no_worker():
    stores, _ = fresh_stores()
    facts = Stream(BTC.venue, "ETHUSDT", StreamKind.STATUS)
    synced = StatusEvent(BTC.venue, "ETHUSDT", StatusKind.BOOK_SYNCED, START)
    alive = StatusEvent(BTC.venue, "ETHUSDT", StatusKind.ALIVE, START + 5, {"book": "synced"})
    await stores.log.append([Batch(facts, [synced, alive])])
    book = BookSnapshot(BTC, 1, ((1, 1),), ((2, 1),), START, START)
    await stores.log.append([Batch(STREAM._replace(kind=StreamKind.BOOK), [book])])
    made = crew(stores)
    await made.finish()

    assert list(made.workers) == [facts._replace(kind=StreamKind.TRADES)]
    kept = await stores.coverage.find(BTC.venue, "ETHUSDT", 0, 1 << 62)
    [interval] = Ledger(BTC.venue, "ETHUSDT", kept).intervals(Covered.BOOK)
    assert (interval.start, interval.end) == (START, START + 5)
