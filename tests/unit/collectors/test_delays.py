"""How late events come: newest and largest, with the difference of two clocks inside."""

import pytest
from frames import AT, agg, intake, js
from hypothesis import given
from hypothesis import strategies as st

from cloud_marketdata.collectors.lanes.delay import Delay
from cloud_marketdata.domain.values import NS_PER_MS, NS_PER_S, Venue


def test_a_venue_whose_clock_is_ahead_brings_events_from_the_future():
    delay = Delay()
    delay.note(AT + 1500 * NS_PER_MS, AT)
    assert (delay.newest, delay.largest) == (-1500 * NS_PER_MS, -1500 * NS_PER_MS)


@given(st.lists(st.tuples(st.integers(0, 5 * NS_PER_S), st.integers(-100, 100)), min_size=1))
def test_the_largest_is_of_ten_seconds_at_least_and_of_twenty_at_most(steps):
    delay, at, noted = Delay(), AT, []
    for step, late in steps:
        at += step
        delay.note(at - late, at)
        noted.append((at, late))
        young = max(late for when, late in noted if at - when < 10 * NS_PER_S)
        assert delay.newest == late
        assert young <= delay.largest <= max(late for _, late in noted)
    later = noted[-1][0] + 10 * NS_PER_S
    delay.note(later + 100, later)
    delay.note(later + 10 * NS_PER_S + 100, later + 10 * NS_PER_S)
    assert delay.largest == -100


@pytest.mark.parametrize("late_ms", [0, 800])
def test_a_batch_is_measured_by_its_oldest_event(late_ms):
    taking, _ = intake(Venue.BINANCE_USDM)
    taking.receive(js(agg()), AT + late_ms * NS_PER_MS)
    taking.receive(js(agg(a=101)), AT + (late_ms + 9) * NS_PER_MS)
    taking.take()
    assert taking.lane("BTCUSDT").desk.delay.newest == late_ms * NS_PER_MS
