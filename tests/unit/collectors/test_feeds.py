"""A feed starts from the instruments and the stored tape, and can be started again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

import pytest
from lines import Instant, Line, turns

from cloud_marketdata.collectors.base import Ask
from cloud_marketdata.collectors.feed import Feed
from cloud_marketdata.collectors.rejections import Rejections
from cloud_marketdata.collectors.writer import LogWriter
from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.core.supervisor import supervised
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.storage.memory import memory_stores
from cloud_marketdata.storage.ports import Stores

pytestmark = pytest.mark.anyio
VENUE = Venue.BINANCE_SPOT
INFO = (
    b'{"symbols":[{"symbol":"BTCUSDT","filters":[{"filterType":"PRICE_FILTER","tickSize":"0.01"},'
    b'{"filterType":"LOT_SIZE","stepSize":"0.00001"}]}]}'
)


class Answers:
    """A REST that lists one symbol."""

    async def get(self, ask: Ask) -> bytes:
        """Return it, or that the symbol is unknown."""
        return INFO if "BTCUSDT" in ask.path else b'{"code":-1121,"msg":"Invalid symbol."}'


class Open:
    """A door that is always open."""

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Answers]:
        """Open it."""
        yield Answers()

    def detail(self) -> dict[str, object]:
        """Say nothing."""
        return {}


class Forgetful:
    """A log whose first look at the end of a tape fails."""

    def __init__(self, inner, failure: Exception) -> None:
        self._inner = inner
        self._failures = [failure]

    def __getattr__(self, name: str) -> object:
        """Do everything else as the log inside."""
        return getattr(self._inner, name)

    async def last(self, stream):
        """Fail once."""
        if self._failures:
            raise self._failures.pop()
        return await self._inner.last(stream)


def feed(stores: Stores, symbols: tuple[str, ...] = ("BTCUSDT",)) -> Feed:
    clock, rejections = Instant(), Rejections()

    async def connect(url: str, receiver) -> Line:
        del url, receiver
        return Line()

    return Feed(
        VENUE,
        Settings(symbols={VENUE: symbols}),
        stores=stores,
        writer=LogWriter(stores, rejections, clock, events_max=1000),
        rejections=rejections,
        door=Open(),
        connect=connect,
        clock=clock,
        random=Random(1),  # noqa: S311  a seed must repeat
    )


@pytest.mark.parametrize("failure", [StorageError("away"), RuntimeError("a bug")])
async def test_a_feed_that_failed_at_its_start_comes_back(failure):
    made = memory_stores(Instant())
    parts = {name: getattr(made, name) for name in made.__struct_fields__}
    starting = feed(Stores(**parts | {"log": Forgetful(made.log, failure)}))
    async with asyncio.TaskGroup() as group:
        clock, random = Instant(), Random(1)  # noqa: S311  a seed must repeat
        running = group.create_task(supervised("feed", starting.run, clock, random))
        await turns(200)
        assert [session.connected for session in starting.sessions] == [True]
        running.cancel()


async def test_a_symbol_the_venue_does_not_list_is_told_and_the_others_are_collected():
    starting = feed(memory_stores(Instant()), ("BTCUSDT", "NOSUCH"))
    async with asyncio.TaskGroup() as group:
        running = group.create_task(starting.run())
        await turns(200)
        assert starting.unknown == ["NOSUCH"]
        names = [topic.name for topic in starting.sessions[0].plan.topics]
        assert names == ["btcusdt@aggTrade", "btcusdt@depth@100ms"]
        assert not (await starting.pulse()).ok
        running.cancel()
