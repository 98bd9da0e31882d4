"""A fault strikes inside its time, at the occasions it chooses, as often as it may."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from cloud_marketdata.simulator.faults.language import Fault
from cloud_marketdata.simulator.faults.trigger import Trigger

gaps = st.lists(st.integers(0, 400), min_size=1, max_size=60)


def struck(fault: Fault, gaps_ms: list[int], seed: int = 0) -> list[int]:
    """Return the times (ms since it was set) at which occasions were chosen."""
    trigger = Trigger(fault, 100.0, Random(seed))  # noqa: S311 - a run must repeat
    times = [sum(gaps_ms[: n + 1]) for n in range(len(gaps_ms))]
    chosen = [ms for ms in times if trigger.strikes(100.0 + ms / 1000)]
    assert len(chosen) == trigger.struck
    return chosen


@given(
    gaps,
    st.integers(0, 3000),
    st.integers(0, 3000),
    st.integers(0, 5),
    st.sampled_from(["at", "every", ""]),
    st.integers(1, 9),
)
def test_the_chosen_occasions_are_those_that_counting_chooses(
    gaps_ms, after, lasting, times, selector, number
):
    fault = Fault(kind="drop", target="any", after=after, lasting=lasting, times=times)
    if selector:
        values = {"after": after, "lasting": lasting, "times": times, selector: number}
        fault = Fault(kind="drop", target="any", **values)
    moments = [sum(gaps_ms[: n + 1]) for n in range(len(gaps_ms))]
    # A moment that lies on a border to the millisecond may be rounded either way.
    borders = {after, after + lasting} - {0}
    if borders & set(moments):
        return
    inside = [ms for ms in moments if ms >= after and (not lasting or ms < after + lasting)]
    expected = {
        "at": inside[number - 1 : number],
        "every": inside[number - 1 :: number],
        "": inside,
    }[selector]
    assert struck(fault, gaps_ms) == (expected[:times] if times else expected)


@given(st.integers(0, 2**32), st.floats(0.1, 0.9))
def test_chance_repeats_with_its_seed_and_is_about_what_it_says(seed, chance):
    fault = Fault(kind="drop", target="any", chance=chance)
    occasions = [1] * 600
    first = struck(fault, occasions, seed)
    assert first == struck(fault, occasions, seed)
    assert abs(len(first) / 600 - chance) < 0.15
