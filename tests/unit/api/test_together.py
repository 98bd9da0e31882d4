"""Askers of one thing share computations, and none of them can tell."""

import asyncio
from contextlib import suppress

import pytest

from cloud_marketdata.api.together import Together

pytestmark = pytest.mark.anyio


class Counter:
    """A number that others change, and whose reading takes a while."""

    def __init__(self) -> None:
        self.value = 0
        self.readings = 0

    async def read(self) -> int:
        """Look, and answer later."""
        seen = self.value
        self.readings += 1
        for _ in range(3):
            await asyncio.sleep(0)
        return seen


async def test_a_hundred_askers_cost_two_computations():
    together, counter = Together(), Counter()

    answers = await asyncio.gather(*(together.of("it", counter.read) for _ in range(100)))

    assert answers == [0] * 100
    assert (counter.readings, together.shared) == (2, 98)
    assert not together._rounds


async def test_nobody_is_given_what_was_read_before_he_asked():
    together, counter = Together(), Counter()
    early = [asyncio.ensure_future(together.of("it", counter.read)) for _ in range(2)]
    await asyncio.sleep(0)
    counter.value = 1
    late = [asyncio.ensure_future(together.of("it", counter.read)) for _ in range(2)]

    assert (await early[0], await early[1]) == (0, 1)
    assert await asyncio.gather(*late) == [1, 1]
    assert counter.readings == 2


async def test_different_things_do_not_wait_for_each_other():
    together, counter = Together(), Counter()
    never = asyncio.Event()
    waiting = asyncio.ensure_future(together.of("slow", never.wait))
    await asyncio.sleep(0)

    assert await together.of("quick", counter.read) == 0
    waiting.cancel()
    with suppress(asyncio.CancelledError):
        await waiting
    assert not together._rounds


async def test_a_failure_is_shared_and_the_next_asker_tries_again():
    together, tries = Together(), []

    async def fail() -> None:
        tries.append(1)
        await asyncio.sleep(0)
        raise LookupError("away")

    askers = (together.of("it", fail) for _ in range(10))
    found = await asyncio.gather(*askers, return_exceptions=True)

    assert [str(one) for one in found] == ["away"] * 10
    assert len(tries) == 2
    with pytest.raises(LookupError):
        await together.of("it", fail)
    assert len(tries) == 3


async def test_an_asker_who_leaves_does_not_take_the_others_answer_along():
    together, counter = Together(), Counter()
    first, *others = [asyncio.ensure_future(together.of("it", counter.read)) for _ in range(4)]
    await asyncio.sleep(0)
    first.cancel()

    assert await asyncio.gather(*others) == [0, 0, 0]
    assert first.cancelled()
    assert counter.readings == 2
