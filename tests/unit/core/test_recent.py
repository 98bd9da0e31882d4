"""What was used lately stays within its bound, whatever is kept and looked up."""

from hypothesis import given
from hypothesis import strategies as st

from cloud_marketdata.core.recent import Recent

KEPT = st.tuples(st.integers(0, 9), st.integers(0, 60))
STEPS = st.lists(KEPT | st.integers(0, 9), max_size=60)


@given(STEPS)
def test_it_holds_what_was_used_last_and_fits(steps):
    recent, used = Recent(100), []
    for step in steps:
        if isinstance(step, int):
            found = recent.get(step)
            held = next((one for one in used if one[0] == step), None)
            assert found == (held and held[1])
            if held:
                used = [one for one in used if one[0] != step] + [held]
        else:
            recent.keep(step[0], step[1], step[1])
            used = [one for one in used if one[0] != step[0]] + [step]
            while sum(weight for _, weight in used) > 100:
                used.pop(0)
        assert recent.bytes == sum(weight for _, weight in used) <= 100
        assert len(recent) == len(used)


def test_what_is_heavier_than_the_bound_is_not_kept_and_is_counted():
    recent = Recent(10)
    recent.keep("a", "light", 10)
    recent.keep("b", "heavy", 11)

    assert (recent.get("a"), recent.get("b"), recent.evicted) == ("light", None, 1)
