"""Answers that were computed before: found for a while, never wrong, and never without a bound."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.storage.memory.cache import MemoryCache

pytestmark = pytest.mark.anyio


async def test_what_was_put_is_found_byte_for_byte(stores):
    value = bytes(range(256)) * 40
    await stores.cache.put("profile/binance-spot/BTCUSDT", value, 600)
    await stores.cache.put("empty", b"", 600)

    assert await stores.cache.get("profile/binance-spot/BTCUSDT") == value
    assert await stores.cache.get("empty") == b""
    assert await stores.cache.get("profile/binance-spot/ETHUSDT") is None


async def test_the_last_answer_under_a_key_counts(stores):
    await stores.cache.put("key", b"old", 600)
    await stores.cache.put("key", b"new", 600)

    assert await stores.cache.get("key") == b"new"


async def test_an_answer_is_gone_after_its_time(stores):
    await stores.cache.put("key", b"value", 0.05)
    async with asyncio.timeout(5):
        while await stores.cache.get("key") is not None:  # noqa: ASYNC110  no store tells
            await asyncio.sleep(0.01)


class SetClock(SystemClock):
    """A clock that the test sets."""

    at = 0.0

    def monotonic(self) -> float:
        """Seconds, as set."""
        return self.at


async def test_in_memory_an_answer_is_kept_up_to_its_time_and_not_longer():
    clock = SetClock()
    cache = MemoryCache(clock)
    await cache.put("key", b"value", 2.0)
    clock.at = 1.999
    assert await cache.get("key") == b"value"
    clock.at = 2.0
    assert await cache.get("key") is None


async def test_in_memory_the_least_recently_used_answer_makes_room():
    cache = MemoryCache(SetClock(), most_bytes=30)
    for key in ("a", "b", "c"):
        await cache.put(key, b"nine byte", 10)
    assert await cache.get("a")
    await cache.put("d", b"nine byte", 10)

    assert [key for key in "abcd" if await cache.get(key)] == ["a", "c", "d"]
    assert cache.evicted == 1


async def test_in_memory_one_that_is_larger_than_the_cache_is_not_kept_and_throws_nothing_out():
    cache = MemoryCache(SetClock(), most_bytes=30)
    await cache.put("a", b"small", 10)
    await cache.put("b", bytes(30), 10)

    assert await cache.get("b") is None
    assert await cache.get("a") == b"small"
    assert cache.evicted == 1


puts = st.tuples(st.sampled_from("abcdef"), st.binary(max_size=12), st.integers(1, 4))
MOST_BYTES = 40


@settings(max_examples=80, deadline=None)
@given(st.lists(puts, max_size=40))
def test_in_memory_no_course_of_puts_gives_a_wrong_answer_or_breaks_the_bound(plan):
    asyncio.run(_bounded(plan))


async def _bounded(plan) -> None:
    clock = SetClock()
    cache = MemoryCache(clock, MOST_BYTES)
    last: dict[str, tuple[bytes, float]] = {}
    for key, value, seconds in plan:
        clock.at += 1
        await cache.put(key, value, seconds)
        last[key] = (value, clock.at + seconds)
        found = {name: await cache.get(name) for name in last}
        kept = {name: value for name, value in found.items() if value is not None}
        assert all(last[name][1] > clock.at for name in kept)
        assert {name: last[name][0] for name in kept} == kept
        assert sum(len(name) + len(value) for name, value in kept.items()) <= MOST_BYTES
        assert kept[key] == value
