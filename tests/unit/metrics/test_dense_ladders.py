"""All steps at once end where one step after the other does; the stepwise growth is the oracle."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_marketdata.processing.metrics.dense import Dense
from cloud_marketdata.processing.metrics.expansion import Ladder, expand, shortest

LOTS = st.integers(1, 6) | st.integers(1, 10**6)
TOTALS = st.dictionaries(st.integers(-300, 3000), LOTS, min_size=1, max_size=99)


@given(TOTALS, st.integers(1, 7), st.integers(1, 100), st.data())
def test_all_steps_at_once_grow_the_same_interval(totals, step, pct, data):
    ladder = Ladder(totals)
    dense = Dense.of(ladder.rows, ladder.sums)
    start = data.draw(st.sampled_from(ladder.rows))
    target = max(1, -(-ladder.total * pct // 100))
    assert ladder.dense is None

    assert dense.expand(start, target, step) == expand(ladder, start, target, step)
    assert dense.shortest(target) == shortest(ladder, target)


@pytest.mark.parametrize("seed", range(20))
def test_long_ladders_take_the_short_way_and_end_where_the_long_one_does(seed):
    random = Random(seed)  # noqa: S311 - a ladder must repeat
    rows = random.sample(range(10_000), random.randrange(101, 900))
    totals = {row: random.choice((1, 2, random.randrange(1, 10**9))) for row in rows}
    ladder, stepwise = Ladder(totals), Ladder(totals)
    stepwise.__dict__["dense"] = None
    assert ladder.dense is not None

    for step in (1, 2, 3, 50):
        poc, target = ladder.control, random.randrange(1, ladder.total + 1)
        assert expand(ladder, poc, target, step) == expand(stepwise, poc, target, step)
        assert shortest(ladder, target) == shortest(stepwise, target)


def test_sums_beyond_64_bits_and_very_sparse_ladders_take_the_long_way():
    huge = Ladder(dict.fromkeys(range(200), 1 << 62))
    sparse = Ladder({row * 10_000: 1 for row in range(200)})

    assert huge.dense is None
    assert sparse.dense is None
    assert huge.between(0, 199) == 200 << 62


def test_more_lots_than_there_are_cannot_be_held():
    ladder = Ladder(dict.fromkeys(range(200), 1))

    with pytest.raises(ValueError, match="fewer than 201"):
        shortest(ladder, 201)
