import random
from math import log

import pytest
from hand_made import BUY, MINUTE, SCALE, SELL, START, S, Telling, goes_on_after_storing, order
from hypothesis import given
from hypothesis import strategies as st

from cloud_marketdata.processing.metrics import amihud, cluster_sizes
from cloud_marketdata.processing.metrics.amihud import Amihud
from cloud_marketdata.processing.metrics.cluster_sizes import ClusterSizes


def tape(minutes: int, seed: int = 3) -> list:
    rng = random.Random(seed)  # noqa: S311  # a seed repeats
    times = sorted(rng.randrange(START, START + minutes * MINUTE) for _ in range(minutes * 40))
    return [
        order(t, rng.choice([BUY, SELL]), int(rng.lognormvariate(4, 2)) + 1, 600_000 + at % 37)
        for at, t in enumerate(times)
    ]


def test_amihud_is_the_mean_of_minutes_with_volume():
    prices = {0: (600_000, 600_600), 2: (601_200, 600_300)}
    events = [
        order(START + minute * MINUTE + at * S, BUY, 100_000, price)
        for minute, pair in prices.items()
        for at, price in enumerate(pair)
    ]
    telling = Telling(Amihud()).tell(events, START + 3 * MINUTE)
    told = [reading for reading in telling.readings if reading is not None]

    million = [sum(pair) * 100_000 * 1e-4 / 1e6 for pair in prices.values()]
    moved = [abs(log(600_600 / 600_000)) * 1e4, abs(log(600_300 / 600_600)) * 1e4]
    expected = sum(m / q for m, q in zip(moved, million, strict=True)) / 2
    described = amihud.described(amihud.merged(told), SCALE)
    assert telling.readings[1] is None
    assert described["amihud_bp_per_million"] == pytest.approx(expected, rel=1e-6)
    assert described["amihud_minutes"] == 2


MINUTES = tape(8)
RATIOS = Telling(Amihud()).tell(MINUTES, START + 8 * MINUTE).readings
SIZES = Telling(ClusterSizes()).tell(MINUTES, START + 8 * MINUTE).readings


@pytest.mark.parametrize(("measure", "readings"), [(amihud, RATIOS), (cluster_sizes, SIZES)])
@given(data=st.data())
def test_minutes_merge_in_parts_as_at_once(measure, readings, data):
    cut = data.draw(st.integers(1, len(readings) - 1))
    parts = [measure.merged(readings[:cut]), measure.merged(readings[cut:])]

    assert measure.merged(parts) == measure.merged(readings)


def test_quantiles_of_a_bar_are_within_one_percent_of_the_sorted_amounts():
    amounts = sorted(event.quote for event in MINUTES)
    told = cluster_sizes.described(cluster_sizes.merged(SIZES), SCALE)

    for name, share in cluster_sizes.SHARES.items():
        exact = float(SCALE.quote(amounts[int(share * (len(amounts) - 1))]))
        assert float(told[f"cluster_quote_{name}"]) == pytest.approx(exact, rel=0.0101)
    assert told["cluster_count"] == len(amounts)
    assert float(told["cluster_quote_max"]) == pytest.approx(float(SCALE.quote(amounts[-1])))


def test_a_minute_without_orders_has_no_sizes():
    assert Telling(ClusterSizes()).tell([], START + MINUTE).readings == [None]


@pytest.mark.parametrize("kind", [Amihud, ClusterSizes])
def test_what_was_stored_goes_on_as_if_it_had_not_been(kind):
    goes_on_after_storing(kind, MINUTES, START + 8 * MINUTE)


def test_a_finer_grid_keeps_the_amounts():
    fold = ClusterSizes()
    Telling(fold).tell([order(START, BUY, 500)])
    finer = fold.rescaled(10, 10)

    assert finer.largest == 100 * fold.largest
    assert finer.sketch.quantile(0.5) == pytest.approx(100 * fold.largest, rel=0.021)
