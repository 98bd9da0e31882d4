"""However processes come and go, each trade is in each sum once, and no token has two savers."""

import asyncio

import pytest
from coming_and_going import Field, played
from hypothesis import given, settings
from hypothesis import strategies as st
from worker_tape import HOUR, MINUTE, S

jumps = st.sampled_from([0, S, 3 * S, 20 * S, MINUTE, 7 * MINUTE, HOUR, -S, -5 * S, -3 * MINUTE])
steps = st.tuples(
    st.sampled_from(["join", "leave", "kill", "pause", "pause in save", "wake", "nothing"]),
    st.integers(0, 40),
    st.lists(jumps, max_size=3),
    st.sampled_from([0.05, 0.3, 0.7, 1.2, 2.5]),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(steps, min_size=1, max_size=12))
def test_any_coming_and_going_ends_in_the_recomputation_of_the_log(plan):
    asyncio.run(played(plan))


def test_a_token_with_two_savers_would_be_noticed():
    field = Field()
    field.saves += [("BTCUSDT", 5, "one"), ("BTCUSDT", 5, "two")]
    with pytest.raises(AssertionError):
        field.nobody_shared_a_token()


def test_a_save_after_a_newer_one_would_be_noticed():
    field = Field()
    field.saves += [("BTCUSDT", 6, "one"), ("BTCUSDT", 5, "two")]
    with pytest.raises(AssertionError):
        field.nobody_shared_a_token()
