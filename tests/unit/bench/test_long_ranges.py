"""Random ranges of a long tape equal brute force; the full form is `marketdata bench ranges`."""

from random import Random

import pytest

from cloud_marketdata.bench.ranges import Plan, Trades, brute_force, made, measure
from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.domain.timetree import most_nodes
from cloud_marketdata.domain.values import Timeframe

pytestmark = pytest.mark.anyio


async def test_every_range_equals_brute_force_and_costs_few_merges(tmp_path):
    plan = Plan(trades=20_000, days=2, ranges=25)

    found = await measure(plan, tmp_path, SystemClock(), Random(plan.seed))  # noqa: S311 - repeats

    assert found["equal"] == found["of"] == 50
    assert found["bound"] == most_nodes(2 * Timeframe.D1.ns) == 29
    assert found["merged_again"]["max"] <= found["bound"]


def test_brute_force_refuses_sums_that_it_could_not_count_exactly():
    tape = made(Plan(trades=3, days=1, ranges=1))
    huge = Trades(tape.time, tape.price, tape.size * (1 << 40), tape.buy)

    with pytest.raises(OverflowError, match="not be exact"):
        brute_force(huge)
