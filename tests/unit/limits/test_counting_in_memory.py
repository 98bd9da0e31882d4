"""Quotas in memory over any course of takes, against counting in exact fractions."""

import asyncio
import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from limited import SetClock
from structlog.testing import capture_logs

from cloud_marketdata.domain.values import NS_PER_S
from cloud_marketdata.storage.memory.quotas import MemoryQuotas
from cloud_marketdata.storage.security_ports import Rate

pytestmark = pytest.mark.anyio
MINUTE = Rate(6, 60)
quotas = st.one_of(st.integers(1, 12), st.integers(1, 10_000_000))
rates = st.builds(Rate, quotas, st.sampled_from([1, 7, 60, 3600]))
rests = st.one_of(st.just(0), st.integers(0, 10**6), st.integers(0, 200 * NS_PER_S))
shares = st.fractions(0, Fraction(11, 10))
courses = st.lists(st.tuples(rests, shares), min_size=1, max_size=30)


class Purse:
    """Units as plain arithmetic has them: they grow evenly up to the quota."""

    def __init__(self, rate: Rate) -> None:
        self.rate = rate
        self.units = Fraction(rate.quota)

    def rest(self, ns: int) -> None:
        """Let units come back."""
        came = Fraction(ns * self.rate.quota, self.rate.seconds * NS_PER_S)
        self.units = min(Fraction(self.rate.quota), self.units + came)

    def take(self, cost: int) -> bool:
        """Take units, if they are there."""
        ok = cost <= self.units
        self.units -= cost * ok
        return ok

    def seconds_until(self, units: Fraction) -> Fraction:
        """Return how long it takes until so many are there."""
        return (units - self.units) * self.rate.seconds / self.rate.quota


@given(rate=rates, course=courses)
def test_it_gives_what_exact_fractions_give(rate, course):
    clock = SetClock()
    held, purse = MemoryQuotas(clock), Purse(rate)

    async def law() -> None:
        for rest, share in course:
            cost = math.floor(share * rate.quota)
            clock.at += rest
            purse.rest(rest)
            taken = await held.take("one", rate, cost)
            assert taken.ok == purse.take(cost)
            assert taken.left == math.floor(purse.units)
            assert taken.full_s == pytest.approx(
                float(purse.seconds_until(Fraction(rate.quota))), abs=2e-9
            )
            if taken.ok:
                assert taken.after_s == 0
            elif cost > rate.quota:
                assert taken.after_s == math.inf
            else:
                assert (
                    0 <= taken.after_s - purse.seconds_until(Fraction(cost)) <= Fraction(2, 10**9)
                )

    asyncio.run(law())


@given(rate=rates, spent=shares, asked=st.fractions(Fraction(1, 10), 1))
def test_one_nanosecond_before_the_time_it_names_it_refuses_and_then_it_does_not(
    rate, spent, asked
):
    clock = SetClock()
    clock.at = 0
    held = MemoryQuotas(clock)
    first = math.floor(spent * rate.quota)
    cost = max(1, math.floor(asked * rate.quota))

    async def law() -> None:
        await held.take("one", rate, min(first, rate.quota))
        refused = await held.take("one", rate, cost)
        if refused.ok:
            return
        wait = round(refused.after_s * NS_PER_S)
        clock.at = wait - 1
        assert not (await held.take("one", rate, cost)).ok
        clock.at = wait
        assert (await held.take("one", rate, cost)).ok

    asyncio.run(law())


@given(rate=rates, course=courses, window=st.integers(0, 100 * NS_PER_S))
def test_in_no_window_pass_more_than_the_quota_and_what_comes_back_in_it(rate, course, window):
    clock = SetClock()
    held = MemoryQuotas(clock)
    passed: list[tuple[int, int]] = []

    async def law() -> None:
        for rest, share in course:
            clock.at += rest
            cost = math.floor(share * rate.quota)
            if (await held.take("one", rate, cost)).ok:
                passed.append((clock.at, cost))

    asyncio.run(law())
    most = rate.quota + Fraction(window * rate.quota, rate.seconds * NS_PER_S)
    for since, _ in passed:
        assert sum(cost for at, cost in passed if since <= at <= since + window) <= most


async def test_time_that_steps_back_gives_nothing_back_and_takes_nothing(clock):
    held = MemoryQuotas(clock)
    await held.take("one", MINUTE, 2)
    clock.step(-30)

    assert (await held.take("one", MINUTE)).left == 3


async def test_names_that_are_full_again_are_forgotten_by_and_by(clock):
    held = MemoryQuotas(clock)
    for number in range(100):
        await held.take(f"name {number}", MINUTE)
    assert len(held) == 100

    clock.step(10)
    for _ in range(100):
        await held.take("another", MINUTE, 0)
    assert len(held) == 0
    assert held.forgotten == 0


async def test_names_beyond_the_bound_push_out_the_one_that_rested_longest_and_are_counted(
    clock,
):
    held = MemoryQuotas(clock, most_names=3)
    with capture_logs() as lines:
        for name in "abcabde":
            await held.take(name, MINUTE, 3)

    assert (len(held), held.forgotten) == (3, 2)
    assert [(await held.take(name, MINUTE, 4)).left for name in "bde"] == [0, 3, 3]
    assert [line["event"] for line in lines] == ["quotas.full"]


async def test_refusals_and_looks_add_no_names(clock):
    held = MemoryQuotas(clock)
    await held.take("one", MINUTE, 7)
    await held.take("two", MINUTE, 0)

    assert len(held) == 0
