"""The weight of one address and the pace of one socket, on a clock that moves when it is slept."""

import asyncio

import pytest
from held_clock import HeldClock
from hypothesis import given
from hypothesis import strategies as st

from cloud_marketdata.collectors.base import Limits
from cloud_marketdata.collectors.rest import budget as budgets
from cloud_marketdata.collectors.rest.budget import Budget, Pacer
from cloud_marketdata.collectors.venues import VENUES
from cloud_marketdata.core.errors import VenueBusyError
from cloud_marketdata.domain.values import Venue

pytestmark = pytest.mark.anyio
SPOT = VENUES[Venue.BINANCE_SPOT].limits
BYBIT = VENUES[Venue.BYBIT_SPOT].limits

askings = st.lists(st.tuples(st.floats(0, 90), st.integers(1, 50)), max_size=30)


def most_in_a_window(spent: list[tuple[float, int]], window_s: float) -> int:
    """Return the greatest weight in any half-open window, counted the slow way."""
    return max(
        (sum(w for at, w in spent if start <= at < start + window_s) for start, _ in spent),
        default=0,
    )


@given(asked=askings)
def test_no_window_ever_holds_more_than_was_planned(asked):
    async def run() -> None:
        clock, spent = HeldClock(), []
        budget = Budget(Limits(100, 60.0, 5), clock)
        for pause, weight in asked:
            clock.seconds += pause
            await budget.spend(weight)
            spent.append((clock.seconds, weight))
            assert budget.used <= budget.planned == 80
        assert most_in_a_window(spent, 60.0) <= 80

    asyncio.run(run())


@given(asked=askings)
def test_nobody_waits_longer_than_the_limit_asks_for(asked):
    async def run() -> None:
        clock, spent = HeldClock(), []
        budget = Budget(Limits(100, 60.0, 5), clock)
        for pause, weight in asked:
            clock.seconds += pause
            came = clock.seconds
            await budget.spend(weight)
            if clock.seconds > came:
                # A moment earlier the window before was still too full.
                early = clock.seconds - 1e-6
                assert sum(w for at, w in spent if at > early - 60) + weight > 80
            spent.append((clock.seconds, weight))

    asyncio.run(run())


async def test_snapshots_of_many_symbols_are_spread_over_minutes():
    clock = HeldClock()
    budget = Budget(SPOT, clock)
    for _ in range(200):
        await budget.spend(50)
    assert clock.slept == [60.0, 60.0]


async def test_it_waits_once_and_until_enough_has_left_the_window():
    clock = HeldClock()
    budget = Budget(Limits(100, 60.0, 5), clock)
    await budget.spend(40)
    clock.seconds = 10.0
    await budget.spend(40)
    await budget.spend(80)
    assert (clock.slept, clock.seconds) == ([60.0], 70.0)


async def test_who_came_first_is_served_first_whatever_it_weighs():
    clock, served = HeldClock(), []
    budget = Budget(Limits(100, 60.0, 5), clock)
    await budget.spend(80)

    async def ask(name: str, weight: int) -> None:
        await budget.spend(weight)
        served.append((name, clock.seconds))

    async with asyncio.TaskGroup() as group:
        for name, weight in (("heavy", 80), ("light", 1), ("lighter", 1)):
            group.create_task(ask(name, weight))
    assert served == [("heavy", 60.0), ("light", 120.0), ("lighter", 120.0)]


async def test_who_no_longer_waits_holds_up_nobody():
    clock = HeldClock()
    budget = Budget(Limits(100, 60.0, 5), clock)
    await budget.spend(80)
    async with asyncio.TaskGroup() as group:
        gone = group.create_task(budget.spend(80))
        await asyncio.sleep(0)
        gone.cancel()
    await budget.spend(1)
    assert (clock.seconds, budget.used) == (60.0, 1)


async def test_a_full_line_refuses_and_counts(monkeypatch):
    monkeypatch.setattr(budgets, "_LINE_MAX", 2)
    budget = Budget(Limits(100, 60.0, 5), HeldClock())
    await budget.spend(80)
    async with asyncio.TaskGroup() as group:
        waiting = [group.create_task(budget.spend(1)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(VenueBusyError) as busy:
            await budget.spend(1)
        assert not any(task.done() for task in waiting)
    assert (busy.value.retry_after_s, budget.turned_away, budget.used) == (60.0, 1, 2)
    await budget.spend(1)


async def test_what_others_at_this_address_spent_is_not_ours_to_spend():
    clock = HeldClock()
    budget = Budget(SPOT, clock)
    await budget.spend(50)
    budget.told_used(50)
    budget.told_used(20)
    assert budget.used == 50
    budget.told_used(4_790)
    budget.told_used(4_790)
    assert budget.used == 4_790
    await budget.spend(10)
    assert clock.slept == []
    await budget.spend(10)
    assert clock.slept == [60.0]


@pytest.mark.parametrize(
    ("status", "retry_after_s", "wait"),
    [
        (429, 7.0, 7),
        (429, 0.0, 1),  # never at once
        (429, None, 60),
        (418, 300.0, 300),
        (418, None, 120),
        (403, None, 600),
        (403, 5.0, 600),
        (403, 900.0, 900),
        (10_006, None, 60),
        (429, 1e15, 3 * 86_400),  # no venue bans longer
    ],
)
async def test_a_refusal_holds_everybody_back_for_its_time(status, retry_after_s, wait):
    clock = HeldClock()
    budget = Budget(SPOT, clock)
    budget.refused(status, retry_after_s)
    assert (budget.blocked_s, budget.refusals) == (wait, {status: 1})
    if wait > 60:
        # Who waited that long would be worse off than one who does without an answer.
        with pytest.raises(VenueBusyError) as busy:
            await budget.spend(1)
        assert busy.value.retry_after_s == wait
        clock.seconds += wait
    await budget.spend(1)
    assert (clock.seconds, budget.blocked_s) == (wait, 0)


@pytest.mark.parametrize("wait", [50.0, 300.0])
async def test_a_refusal_reaches_those_who_wait_already(wait):
    clock = HeldClock()
    budget = Budget(Limits(100, 40.0, 5), clock)
    await budget.spend(80)
    waiting = asyncio.ensure_future(budget.spend(1))
    await asyncio.sleep(0)
    budget.refused(418, wait)
    if wait > 60:
        with pytest.raises(VenueBusyError):
            await waiting
    else:
        await waiting
        assert clock.seconds == wait


async def test_what_is_spare_leaves_half_of_the_budget_to_what_is_urgent():
    clock = HeldClock()
    budget = Budget(SPOT, clock)
    for _ in range(240):
        await budget.spend(10, spare=True)
    assert (clock.seconds, budget.used) == (0.0, 2400)
    waiting = asyncio.ensure_future(budget.spend(10, spare=True))
    for _ in range(48):
        await budget.spend(50)
    assert budget.used <= budget.planned
    await waiting
    assert clock.seconds == 60.0


def test_without_a_word_a_ban_doubles_up_to_three_days():
    clock = HeldClock()
    budget = Budget(SPOT, clock)
    bans = []
    for _ in range(16):
        budget.refused(418)
        bans.append(budget.blocked_s)
        clock.seconds += budget.blocked_s
    assert bans[:4] == [120, 240, 480, 960]
    assert bans[-1] == 3 * 86_400
    assert budget.refusals[418] == 16


def test_a_shorter_refusal_never_ends_a_longer_one():
    budget = Budget(BYBIT, HeldClock())
    budget.refused(403)
    budget.refused(10_006, 1.0)
    assert budget.blocked_s == 600


sends = st.lists(st.tuples(st.booleans(), st.floats(0, 0.6)), max_size=60)


@given(sent=sends, limit=st.integers(2, 10))
def test_commands_stay_below_the_limit_in_any_second_with_pongs_counted(sent, limit):
    clock, times = HeldClock(), []
    pacer = Pacer(limit, clock.monotonic)
    for is_pong, pause in sent:
        clock.seconds += pause
        if not is_pong:
            wait = pacer.wait_s()
            clock.seconds += wait
            recent = sum(clock.seconds - at < 1 - 1e-9 for at in times)
            assert recent < limit - 1
            # It waits for what it has to and not longer.
            assert not wait or sum(clock.seconds - at <= 1 + 1e-9 for at in times) >= limit - 1
        pacer.note()
        times.append(clock.seconds)


def test_binance_spot_takes_four_commands_at_once_and_one_place_is_for_a_pong():
    clock = HeldClock()
    pacer = Pacer(SPOT.commands_per_s, clock.monotonic)
    for _ in range(4):
        assert pacer.wait_s() == 0
        pacer.note()
    assert pacer.wait_s() == 1
    clock.seconds = 0.4
    assert pacer.wait_s() == pytest.approx(0.6)
