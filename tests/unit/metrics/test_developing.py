"""A developing profile is the series of what each prefix says."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from cloud_marketdata.processing.metrics.developing import developing
from cloud_marketdata.processing.metrics.value_area import value_area

buckets = st.lists(st.dictionaries(st.integers(0, 30), st.integers(1, 9), max_size=6), max_size=12)


@given(buckets, st.sampled_from(("cbot2", "one_row", "sparse", "shortest")))
def test_every_step_is_what_its_prefix_says_and_nothing_else_changed(parts, method):
    steps = developing(list(enumerate(parts)), method=method)
    told = {step.time: step[1:] for step in steps}
    total, last = Counter(), None
    for time, part in enumerate(parts):
        total.update(part)
        area = value_area(total, method=method)
        now = (area.poc, area.vah, area.val)
        assert told.get(time, last) == (None if area.poc is None else now)
        assert time not in told or told[time] != last
        last = told.get(time, last)


def test_a_profile_without_volume_has_no_steps():
    assert developing([(1, {}), (2, {})]) == []
