from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from cloud_marketdata.domain.values import Timeframe
from cloud_marketdata.processing.metrics.cvd import (
    Gaps,
    Policy,
    Reset,
    Step,
    cvd,
    merged_gaps,
)

MINUTE = Timeframe.M1.ns
DAY = Timeframe.D1.ns
NONE: tuple[tuple[int, int], ...] = ()

deltas = st.dictionaries(st.integers(0, 60), st.integers(-50, 50), max_size=30)
gaps = st.lists(
    st.tuples(st.integers(0, 60 * MINUTE), st.integers(1, 5 * MINUTE)).map(
        lambda drawn: (drawn[0], drawn[0] + drawn[1])
    ),
    max_size=4,
)
policies = st.one_of(
    st.just(Reset(Policy.SESSION)),
    st.just(Reset(Policy.NONE)),
    st.integers(0, 60).map(lambda at: Reset(Policy.ANCHOR, anchor=at * MINUTE)),
    st.integers(1, 30).map(lambda count: Reset(Policy.ROLLING, length=count * MINUTE)),
)


def bars(drawn: dict[int, int], first: int = 0) -> list[Step]:
    """Return bars of one minute, from some minute of the epoch on."""
    return [
        Step((first + at) * MINUTE, (first + at + 1) * MINUTE, drawn[at]) for at in sorted(drawn)
    ]


def test_a_session_begins_at_midnight():
    steps = bars({0: 5, 1: -2, 2: 4}, first=1438)
    points = cvd(steps, Reset(), Gaps(NONE, Timeframe.M1))

    assert [point.cvd for point in points] == [5, 3, 4]
    assert [point.reset_at for point in points] == [0, 0, DAY]
    assert all(point.complete and not point.segment for point in points)


def test_a_rolling_sum_holds_only_its_own_minutes():
    reset = Reset(Policy.ROLLING, length=2 * MINUTE)
    points = cvd(bars({0: 1, 1: 10, 2: 100, 4: 1000}), reset, Gaps(NONE, Timeframe.M1))

    assert [point.cvd for point in points] == [1, 11, 110, 1000]


def test_before_its_anchor_there_is_no_sum():
    reset = Reset(Policy.ANCHOR, anchor=2 * MINUTE)
    points = cvd(bars({0: 1, 1: 10, 2: 100, 4: 1000}), reset, Gaps(NONE, Timeframe.M1))

    assert [point.cvd for point in points] == [None, None, 100, 1100]


def test_nothing_is_carried_over_a_gap():
    gap = (2 * MINUTE + 7, 2 * MINUTE + 9)
    points = cvd(bars(dict.fromkeys(range(5), 3)), Reset(), Gaps([gap], Timeframe.M1))

    assert [point.cvd for point in points] == [3, 6, 3, 6, 9]
    assert [point.segment for point in points] == [0, 0, 1, 1, 1]
    assert [point.since // MINUTE for point in points] == [0, 0, 2, 2, 2]
    assert [point.complete for point in points] == [True, True, False, True, True]


def test_a_new_session_knows_nothing_of_an_old_gap():
    gap = (1438 * MINUTE + 1, 1438 * MINUTE + 2)
    points = cvd(bars(dict.fromkeys(range(4), 1), first=1437), Reset(), Gaps([gap], Timeframe.M1))

    assert [point.segment for point in points] == [0, 1, 1, 0]
    assert [point.since // MINUTE for point in points] == [0, 1438, 1438, 1440]


def test_a_gap_over_many_bars_breaks_where_it_begins_and_where_it_ends():
    gap = (MINUTE + 30, 3 * MINUTE + 30)
    points = cvd(bars(dict.fromkeys(range(5), 1)), Reset(), Gaps([gap], Timeframe.M1))

    assert [point.segment for point in points] == [0, 1, 1, 2, 2]
    assert [point.complete for point in points] == [True, False, False, False, True]


def test_a_gap_that_ends_with_its_bar_does_not_touch_the_next():
    points = cvd(bars({0: 1, 1: 1}), Reset(), Gaps([(5, MINUTE)], Timeframe.M1))

    assert [point.complete for point in points] == [False, True]
    assert [point.segment for point in points] == [0, 0]


@given(deltas, policies)
def test_without_gaps_it_is_the_sum_of_the_deltas_since_the_reset(drawn, reset):
    steps = bars(drawn)
    points = cvd(steps, reset, Gaps(NONE, Timeframe.M1))
    for step, point in zip(steps, points, strict=True):
        since = reset.of(step.start, step.end)
        wanted = sum(one.delta for one in steps if since <= one.start <= step.start)
        assert point.cvd == (wanted if since <= step.start else None)
        assert point.since == max(since, 0)


@given(deltas, gaps, st.just(Reset()) | st.just(Reset(Policy.NONE)))
def test_points_of_a_segment_differ_by_what_was_traded_between(drawn, lost, reset):
    steps = bars(drawn)
    points = cvd(steps, reset, Gaps(lost, Timeframe.M1))
    for (_, before), (step, after) in pairwise(zip(steps, points, strict=True)):
        if before.segment == after.segment:
            assert after.cvd - before.cvd == step.delta
            assert before.since == after.since
        else:
            assert after.segment > before.segment
            assert after.since > before.since


@given(deltas, gaps)
def test_no_gap_lies_between_two_points_whose_later_ones_are_complete(drawn, lost):
    steps = bars(drawn)
    points = cvd(steps, Reset(), Gaps(lost, Timeframe.M1))
    whole = merged_gaps(lost)
    for (first, before), (last, after) in pairwise(zip(steps, points, strict=True)):
        if before.segment == after.segment and after.complete:
            assert not any(start < last.end and end > first.end for start, end in whole)


@given(deltas, gaps, policies, st.integers(0, 60))
def test_what_came_before_a_page_may_be_one_step(drawn, lost, reset, cut):
    """A page that begins later, with the sum before it as one step, shows the same points."""
    every, broken = bars(drawn), Gaps(lost, Timeframe.M1)
    page = [step for step in every if step.start >= cut * MINUTE]
    if not page or reset.policy is Policy.ROLLING:
        return
    since = max(reset.of(page[0].start, page[0].end), broken.last_break(page[0].start))
    before = sum(step.delta for step in every if since <= step.start < page[0].start)
    lump = Step(since, page[0].start, before)
    whole = cvd(every, reset, broken)[-len(page) :]
    assert cvd([lump, *page], reset, broken)[1:] == whole


@given(gaps)
def test_merged_gaps_cover_the_same_time_and_do_not_touch(lost):
    made = merged_gaps(lost)
    assert all(one[1] < other[0] for one, other in pairwise(made))
    edges = {edge for gap in lost for edge in (gap[0], gap[1] - 1, gap[1], gap[0] - 1)}
    for at in edges:
        inside = any(start <= at < end for start, end in lost)
        assert any(start <= at < end for start, end in made) == inside
