"""A market in which nothing happens costs next to nothing, and what then happens does not wait."""

import pytest
from crew_tape import Tape, crew, running
from paused_crews import SharedClock, behind
from worker_tape import BTC, DAY, START, STREAM, S, trade

from cloud_marketdata.core.config import Settings
from cloud_marketdata.domain.values import Timeframe
from cloud_marketdata.storage.memory import memory_stores
from cloud_marketdata.storage.ports import Batch, StreamKind

pytestmark = pytest.mark.anyio
SAVE_S = 0.2
ELSEWHERE = STREAM._replace(symbol="ETHUSDT", kind=StreamKind.BOOK)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Counting:
    """Lets every call pass, and counts it."""

    def __init__(self) -> None:
        self.calls = 0

    async def call(self, name: str, call):
        """Do it."""
        self.calls += name != "wait"
        return await call()


class Quiet:
    """A crew of one market that has caught up with one trade, with calls of its log counted."""

    def __init__(self) -> None:
        self.clock = SharedClock(START + 2 * DAY)
        self.stores = memory_stores(self.clock)
        self.tape = Tape(self.stores)
        self.counting = Counting()
        reached = behind(self.stores, self.counting, ("log",))
        paced = Settings(lease_s=60, save_ms=int(SAVE_S * 1000))
        self.crew = crew(reached, self.clock, "one", paced)

    async def asked(self, seconds: float) -> int:
        """Let time pass; return how often the log was asked meanwhile."""
        before = self.counting.calls
        await self.clock.move(seconds)
        return self.counting.calls - before

    async def stored(self) -> int:
        """Return how many trades are stored."""
        found = await self.stores.aggregates.find_by_range(
            BTC.venue, BTC.symbol, Timeframe.M1, 0, 1 << 62
        )
        return sum(one.span.trades for one in found if one.span)


async def test_while_nothing_happens_it_looks_once_a_second():
    quiet = Quiet()
    async with running(quiet.crew):
        await quiet.tape.append(S)
        await quiet.clock.move(5)
        idle = await quiet.asked(20)

        # The trades, the three streams of the analyst, the newest fact; and twice a second the
        # crew, for new markets.
        assert idle <= 20 * (5 + 2) + 7


async def test_what_is_appended_to_other_markets_is_none_of_its_business():
    quiet = Quiet()
    async with running(quiet.crew):
        await quiet.tape.append(S)
        await quiet.clock.move(5)
        idle = await quiet.asked(10)
        busy = 0
        for number in range(100):
            event = trade(number, START + number)
            await quiet.stores.log.append([Batch(ELSEWHERE, [event])])
            busy += await quiet.asked(0.1)

        assert busy <= idle + 7


async def test_a_trade_after_a_silence_is_stored_at_once_and_the_next_one_within_the_pause():
    quiet = Quiet()
    async with running(quiet.crew):
        await quiet.tape.append(S)
        await quiet.clock.move(5)
        assert await quiet.stored() == 1
        await quiet.tape.append(S)
        await quiet.clock.move(0.001)
        assert await quiet.stored() == 2
        await quiet.tape.append(S)
        await quiet.clock.move(0.001)
        assert await quiet.stored() == 2
        await quiet.clock.move(SAVE_S)
        assert await quiet.stored() == 3
