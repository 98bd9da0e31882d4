"""Any intervals cut any range into pieces that touch, fill it, and tell the worst that is known."""

from hypothesis import given
from hypothesis import strategies as st

from cloud_marketdata.domain.coverage import (
    NOTHING_KNOWN,
    CoverageState,
    Interval,
    durations,
    partition,
)

LENGTH = 30
# MISSING is the worst news; a proof is told rather than a connection, and a repair rather than it.
RANK = [
    CoverageState.MISSING,
    CoverageState.UNKNOWN,
    CoverageState.REPAIRED,
    CoverageState.COMPLETE,
    CoverageState.UNBROKEN,
]
intervals = st.lists(
    st.builds(
        lambda start, length, state, low: Interval(start, start + length, state, low),
        st.integers(-5, LENGTH + 5),
        st.integers(1, 12),
        st.sampled_from(CoverageState),
        st.integers(0, 10**6),
    ),
    max_size=12,
)


def worst(known: list[Interval], instant: int) -> tuple[CoverageState, str]:
    """Say what is known of one nanosecond."""
    states = {one.state for one in known if one.start <= instant < one.end}
    for state in RANK:
        if state in states:
            return state, ""
    return CoverageState.UNKNOWN, NOTHING_KNOWN


@given(intervals)
def test_every_instant_is_told_as_the_worst_interval_that_holds_it(known):
    pieces = partition(known, 0, LENGTH)
    said = [(p.state, p.reason) for p in pieces for _ in range(p.start, p.end)]

    assert said == [worst(known, instant) for instant in range(LENGTH)]


@given(intervals, st.integers(0, LENGTH - 1), st.integers(1, LENGTH))
def test_pieces_touch_and_fill_the_range(known, start, length):
    pieces = partition(known, start, start + length)

    assert [p.start for p in pieces] == [start, *(p.end for p in pieces[:-1])]
    assert pieces[-1].end == start + length
    assert all(p.start < p.end for p in pieces)
    assert sum(durations(pieces).values()) == length


@given(intervals)
def test_each_piece_carries_what_its_interval_says(known):
    for piece in partition(known, 0, LENGTH):
        same = [one for one in known if (one.state, one.low) == (piece.state, piece.low)]
        assert any(one.start <= piece.start and piece.end <= one.end for one in same) or (
            piece.reason == NOTHING_KNOWN
        )


def test_an_interval_that_goes_on_behind_another_is_two_pieces():
    run = Interval(0, 10, CoverageState.COMPLETE, 1, 9)
    hole = Interval(4, 6, CoverageState.MISSING, 5, 5, 1)
    pieces = partition([run, hole], 0, 12)

    assert [(p.start, p.end, p.state.value) for p in pieces] == [
        (0, 4, "complete"),
        (4, 6, "missing"),
        (6, 10, "complete"),
        (10, 12, "unknown"),
    ]
