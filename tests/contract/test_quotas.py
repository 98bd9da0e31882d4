"""Quotas: never more than there is, evenly given back, and honest about when."""

import asyncio
import math

import pytest

from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.storage.security_ports import Rate, Taken

pytestmark = pytest.mark.anyio
SLOW = Rate(6, 6000)
"""Gives nothing back while a test runs."""
FAST = Rate(40, 1)
SLACK_S = 0.005
"""How far the clocks of this process and of a server may go apart in a second."""
now = SystemClock.monotonic


async def test_a_whole_quota_may_be_taken_at_once_and_no_unit_more(stores):
    asked = [stores.quotas.take("one", SLOW) for _ in range(20)]
    taken = await asyncio.gather(*asked)

    assert sum(one.ok for one in taken) == 6
    assert sorted(one.left for one in taken if one.ok) == [0, 1, 2, 3, 4, 5]
    assert {one.left for one in taken if not one.ok} == {0}


async def test_names_and_lengths_of_time_have_quotas_of_their_own(stores):
    assert (await stores.quotas.take("one", SLOW, 6)).ok
    assert not (await stores.quotas.take("one", SLOW)).ok

    assert (await stores.quotas.take("two", SLOW, 6)).ok
    assert (await stores.quotas.take("one", Rate(6, 5000), 6)).ok


async def test_a_refusal_takes_nothing(stores):
    assert (await stores.quotas.take("one", SLOW, 4)).left == 2
    for _ in range(5):
        refused = await stores.quotas.take("one", SLOW, 3)
        assert (refused.ok, refused.left) == (False, 2)

    assert (await stores.quotas.take("one", SLOW, 2)).ok


async def test_a_cost_above_the_quota_is_never_ok_and_takes_nothing(stores):
    for cost in (7, 10**12):
        refused = await stores.quotas.take("one", SLOW, cost)
        assert refused == (False, 6, math.inf, 0.0)

    assert (await stores.quotas.take("one", SLOW, 6)).ok


async def test_it_tells_when_the_whole_quota_is_there_again(stores):
    first = await stores.quotas.take("one", SLOW, 2)
    again = await stores.quotas.take("one", SLOW, 1)
    refused = await stores.quotas.take("one", SLOW, 4)

    assert first == (True, 4, 0.0, 2000.0)
    assert again.full_s == pytest.approx(3000.0, abs=1)
    assert refused.full_s == pytest.approx(3000.0, abs=1)
    assert refused.after_s == pytest.approx(1000.0, abs=1)


async def test_no_time_has_more_than_the_quota_and_what_came_back_in_it(stores):
    begun, passed = now(), 0
    first_answer = last_question = None
    while now() < begun + 0.4:
        last_question = now()
        passed += (await stores.quotas.take("one", FAST)).ok
        first_answer = first_answer or now()
    ended = now()

    assert passed <= 40 + (ended - begun + SLACK_S) * 40
    assert passed >= 40 + math.floor((last_question - first_answer - SLACK_S) * 40) - 1


async def test_before_the_time_it_names_it_refuses_and_after_it_it_does_not(stores):
    for cost in (9, 1, 3):
        asked, refused, answered = await _refused(stores.quotas, cost)
        assert 0 < refused.after_s <= cost / 40
        earliest = asked + refused.after_s - SLACK_S
        await _comes_when_told(stores.quotas, cost, earliest, answered + refused.after_s + SLACK_S)


async def _refused(quotas, cost: int) -> tuple[float, Taken, float]:
    """Ask until it is refused; return when that was asked, what was told, and when it was."""
    while True:
        asked = now()
        taken = await quotas.take("one", FAST, cost)
        if not taken.ok:
            return asked, taken, now()


async def _comes_when_told(quotas, cost: int, earliest: float, latest: float) -> None:
    """Ask until it passes, which is neither before `earliest` nor after `latest`."""
    while True:
        asked = now()
        taken = await quotas.take("one", FAST, cost)
        answered = now()
        assert not (taken.ok and answered < earliest)
        assert taken.ok or asked < latest
        if taken.ok:
            return
        await asyncio.sleep(0.001)


async def test_what_was_rested_is_full_again_and_not_fuller(stores):
    taken = await stores.quotas.take("one", FAST, 2)
    await asyncio.sleep(taken.full_s + SLACK_S)

    assert await stores.quotas.take("one", FAST, 41) == (False, 40, math.inf, 0.0)
    assert (await stores.quotas.take("one", FAST, 40)).ok


async def test_another_quota_for_the_name_counts_what_was_taken_before(stores):
    assert (await stores.quotas.take("one", Rate(10, 6000), 8)).ok

    lowered = await stores.quotas.take("one", Rate(4, 6000))
    raised = await stores.quotas.take("one", Rate(20, 6000))

    assert (lowered.ok, lowered.left) == (False, 0)
    assert lowered.full_s == pytest.approx(12_000, abs=1)
    assert lowered.after_s == pytest.approx(7500, abs=1)
    assert (raised.ok, raised.left) == (True, 11)
