"""One holder at a time, and a token that only grows."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.domain.values import NS_PER_S
from cloud_marketdata.storage.embedded import open_embedded
from cloud_marketdata.storage.memory import memory_stores
from cloud_marketdata.storage.ports import Stores
from cloud_marketdata.storage.sharing_ports import Leases

pytestmark = pytest.mark.anyio
NAME = "worker/binance-spot/BTCUSDT"
LONG = 600.0


async def test_one_has_the_lease_and_nobody_else_gets_it(stores):
    token = await stores.leases.acquire(NAME, "one", LONG)

    assert token is not None
    assert token > 0
    assert await stores.leases.acquire(NAME, "two", LONG) is None
    assert await stores.leases.acquire(f"{NAME}2", "two", LONG) is not None


async def test_who_keeps_it_in_time_keeps_its_token(stores):
    tokens = {await stores.leases.acquire(NAME, "one", LONG) for _ in range(3)}

    assert len(tokens) == 1
    assert await stores.leases.acquire(NAME, "two", LONG) is None


async def test_who_gives_it_back_makes_room_at_once_for_a_higher_token(stores):
    tokens = []
    for holder in ("one", "two", "one", "one"):
        tokens.append(await stores.leases.acquire(NAME, holder, LONG))
        await stores.leases.release(NAME, holder)

    assert None not in tokens
    assert tokens == sorted(set(tokens))


async def test_nobody_gives_back_what_another_one_has(stores):
    token = await stores.leases.acquire(NAME, "one", LONG)
    await stores.leases.release(NAME, "two")
    await stores.leases.release("no such lease", "two")

    assert await stores.leases.acquire(NAME, "two", LONG) is None
    assert await stores.leases.acquire(NAME, "one", LONG) == token


async def test_a_lease_that_lapses_goes_to_another_one_with_a_higher_token(stores):
    first = await stores.leases.acquire(NAME, "one", LONG)
    # The last renewal decides, also where it is the shorter one.
    assert await stores.leases.acquire(NAME, "one", 0.05) == first

    assert await _soon(stores.leases, "two") > first
    assert await stores.leases.acquire(NAME, "one", LONG) is None


async def test_who_let_it_lapse_gets_a_higher_token_too(stores):
    first = await stores.leases.acquire(NAME, "one", 0.001)
    await asyncio.sleep(0.02)

    assert await stores.leases.acquire(NAME, "one", LONG) > first


async def _soon(leases: Leases, holder: str) -> int:
    """Ask until the lease is free, which real servers alone know."""
    async with asyncio.timeout(5):
        while (token := await leases.acquire(NAME, holder, LONG)) is None:  # noqa: ASYNC110  no store tells
            await asyncio.sleep(0.01)
    return token


async def test_of_eight_that_ask_at_once_one_wins_each_time(stores):
    won: list[int] = []
    for _ in range(5):
        asked = [stores.leases.acquire(NAME, f"holder {n}", LONG) for n in range(8)]
        tokens = await asyncio.gather(*asked)
        [(winner, token)] = [(n, token) for n, token in enumerate(tokens) if token is not None]
        won.append(token)
        await stores.leases.release(NAME, f"holder {winner}")

    assert won == sorted(set(won))


class SetClock(SystemClock):
    """A clock that the test sets."""

    at = 1_755_000_000 * NS_PER_S

    def now(self) -> int:
        """Nanoseconds, as set."""
        return self.at


@pytest.fixture
def set_clock() -> SetClock:
    return SetClock()


@pytest.fixture(params=["memory", "embedded"])
async def timed(request, tmp_path, set_clock) -> AsyncIterator[Stores]:
    """Stores whose leases go by the clock of the test."""
    if request.param == "memory":
        yield memory_stores(set_clock)
        return
    async with open_embedded(tmp_path / "data", set_clock) as opened:
        yield opened


async def test_a_lease_ends_when_its_time_is_over_and_not_before(timed, set_clock):
    await timed.leases.acquire(NAME, "one", 2.5)
    set_clock.at += 2 * NS_PER_S
    assert await timed.leases.acquire(NAME, "two", 1) is None
    assert await timed.leases.acquire(NAME, "one", 2.5) is not None
    set_clock.at += 5 * NS_PER_S // 2 - 1
    assert await timed.leases.acquire(NAME, "two", 1) is None
    set_clock.at += 1
    assert await timed.leases.acquire(NAME, "two", 1) is not None


async def test_tokens_are_times_so_that_a_store_that_lost_them_gives_higher_ones(timed, set_clock):
    token = await timed.leases.acquire(NAME, "one", 1)
    assert token == set_clock.at // 1000

    set_clock.at += 1000
    emptied = memory_stores(set_clock)
    assert await emptied.leases.acquire(NAME, "two", 1) > token


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["acquire", "acquire", "release", "wait", "back"]),
            st.sampled_from(["one", "two", "three"]),
            st.integers(1, 5),
        ),
        max_size=40,
    )
)
def test_tokens_grow_whatever_happens_to_the_clock(plan):
    asyncio.run(_grown(plan))


async def _grown(plan) -> None:
    clock = SetClock()
    leases = memory_stores(clock).leases
    last, held = 0, {}
    for act, holder, seconds in plan:
        if act == "acquire":
            token = await leases.acquire(NAME, holder, seconds)
            if token is None:
                continue
            assert token > last or (token == last and held == {holder: token})
            last, held = token, {holder: token}
        elif act == "release":
            await leases.release(NAME, holder)
        else:
            clock.at += (seconds if act == "wait" else -seconds) * NS_PER_S


async def test_many_at_once_are_each_given_or_not(stores):
    assert await stores.leases.acquire("b", "two", LONG) is not None
    tokens = await stores.leases.acquire_each(["a", "b", "c"], "one", LONG)

    assert [token is not None for token in tokens] == [True, False, True]
    assert await stores.leases.acquire_each(["c", "a"], "one", LONG) == [tokens[2], tokens[0]]
    assert await stores.leases.acquire_each([], "one", LONG) == []
    assert await stores.leases.acquire("a", "one", LONG) == tokens[0]


async def test_who_takes_many_again_after_a_lapse_learns_whether_another_came_between(stores):
    kept, lost, given = await stores.leases.acquire_each(["kept", "lost", "given"], "one", 0.02)
    await asyncio.sleep(0.05)
    assert await stores.leases.acquire("lost", "two", 0.02) is not None
    await stores.leases.release("given", "one")
    await asyncio.sleep(0.05)

    again = await stores.leases.acquire_each(["kept", "lost", "given"], "one", LONG)
    assert again[0] == kept
    assert again[1] > lost
    assert again[2] > given
