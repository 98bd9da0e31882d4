"""A lease is kept from the work itself, and whoever lost it learns of it before it works on."""

import pytest
from paused_crews import SharedClock
from worker_tape import START

from cloud_marketdata.core.errors import FencedError
from cloud_marketdata.processing.tenure import Tenure
from cloud_marketdata.storage.memory import memory_stores

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Two:
    """Two holders after one lease of nine seconds."""

    def __init__(self) -> None:
        self.clock = SharedClock(START)
        leases = memory_stores(self.clock).leases
        self.one, self.other = (Tenure(leases, "market", n, 9.0, self.clock) for n in "ab")


async def test_one_begins_and_the_other_cannot():
    two = Two()
    assert await two.one.begin()
    assert not await two.other.begin()
    assert (two.one.token > 0, two.other.token) == (True, 0)


async def test_who_keeps_it_again_and_again_has_it_for_ever():
    two = Two()
    await two.one.begin()
    token = two.one.token
    for _ in range(100):
        two.clock.seconds += 2.0
        await two.one.keep()
        assert not await two.other.begin()
    assert two.one.token == token


async def test_it_is_not_asked_for_again_before_a_third_is_over():
    two = Two()
    await two.one.begin()
    two.clock.seconds += 2.9
    await two.one.keep()
    two.clock.seconds += 6.2
    # Nine seconds after the beginning it has lapsed, because nothing was renewed at 2.9.
    assert await two.other.begin()


@pytest.mark.parametrize("taken", [True, False])
async def test_who_slept_past_its_end_has_lost_it_whether_somebody_took_it_or_not(taken):
    two = Two()
    await two.one.begin()
    token = two.one.token
    two.clock.seconds += 9.0
    if taken:
        assert await two.other.begin()
    with pytest.raises(FencedError):
        await two.one.keep()
    assert await two.one.begin() is not taken
    assert two.one.token > token or taken


async def test_who_ends_lets_the_other_begin():
    two = Two()
    await two.one.begin()
    await two.other.end()
    assert not await two.other.begin()
    await two.one.end()
    assert await two.other.begin()
    assert two.other.token > two.one.token
