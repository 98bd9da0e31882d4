"""Quoted, effective and realised spreads against figures made by hand."""

import pytest
from book_tape import BUY, MID, MS, SCALE, SELL, BookTape, S, busy, ladder
from hypothesis import given
from hypothesis import strategies as st

from cloud_marketdata.processing.metrics import spreads
from cloud_marketdata.processing.metrics.spreads import Spreads

halves = st.integers(1, 500)
orders = st.lists(st.tuples(st.sampled_from([BUY, SELL]), st.integers(1, 999)), min_size=1)


def told(tape: BookTape) -> dict:
    readings = [minute.readings["spreads"] for minute in tape.told(Spreads()).minutes]
    return spreads.described(spreads.merged(readings), SCALE)


@given(halves, orders)
def test_trades_at_the_touch_cost_the_quoted_spread(half, sent):
    tape = BookTape().whole(0, [(MID - half, 10)], [(MID + half, 10)])
    for number, (side, lots) in enumerate(sent):
        tape.trade((number + 1) * MS, side, MID + (half if side is BUY else -half), lots)
    figures = told(tape)

    assert figures["quoted_bp"] == pytest.approx(2 * half / MID * 10_000)
    assert figures["effective_bp"] == pytest.approx(figures["quoted_bp"])


def test_the_quoted_spread_is_weighted_by_how_long_it_stood():
    tape = BookTape().whole(0, [(MID - 1, 10)], [(MID + 1, 10), (MID + 7, 10)])
    tape.change(45 * S, asks=[(MID + 1, 0)])

    # 45 s of 2 ticks at MID and 15 s of 8 ticks at MID + 3.
    mean = (45 * MID + 15 * (MID + 3)) / 60
    assert told(tape)["quoted_bp"] == pytest.approx((45 * 2 + 15 * 8) / 60 / mean * 10_000)
    assert told(tape)["book_ms"] == 60_000


def test_an_order_is_held_against_the_mid_strictly_before_it():
    tape = BookTape().whole(0, [(MID - 1, 10)], [(MID + 1, 10), (MID + 9, 10)])
    tape.change(S, asks=[(MID + 1, 0)]).trade(S, BUY, MID + 1, 10)

    assert told(tape)["effective_bp"] == pytest.approx(2 / MID * 10_000)


@pytest.mark.parametrize(("side", "sign"), [(BUY, 1), (SELL, -1)])
def test_realised_meets_the_mid_after_tau_and_impact_is_the_rest(side, sign):
    tape = BookTape().whole(0, [(MID - 2, 10)], [(MID + 2, 10)])
    tape.trade(S, side, MID + 2 * sign, 10)
    move = [(MID - 2 * sign, 0), (MID + 1 * sign, 10)], [(MID + 2 * sign, 0), (MID + 5 * sign, 10)]
    bids, asks = move if sign > 0 else move[::-1]
    tape.change(5_900 * MS, bids, asks).change(6_100 * MS, asks=[(MID + 99, 1)])
    figures = told(tape.change(119 * S, [(MID - 50, 1)]))

    # Paid 2 ticks over the mid, which was 3 ticks further after 5 s.
    assert figures["effective_bp"] == pytest.approx(4 / MID * 10_000)
    assert figures["impact_5s_bp"] == pytest.approx(6 / MID * 10_000)
    assert figures["realised_5s_bp"] == pytest.approx(-2 / MID * 10_000)
    assert (figures["ended_5s"], figures["ended_60s"]) == (1, 1)


@pytest.mark.parametrize(
    ("sent", "moved", "impact"),
    [(1_000, 6_000, 6), (1_000, 6_001, 0), (1_050, 6_099, 6), (1_050, 6_101, 0)],
)
def test_tau_is_rounded_up_to_a_tenth_and_what_comes_at_its_end_counts(sent, moved, impact):
    tape = BookTape().whole(0, [(MID - 2, 10)], [(MID + 2, 10), (MID + 8, 10)])
    tape.trade(sent * MS, BUY, MID + 2, 10).change(moved * MS, asks=[(MID + 2, 0)])

    assert told(tape)["impact_5s_bp"] == pytest.approx(impact / MID * 10_000)


def test_no_time_is_weighed_twice_where_a_minute_ends_before_a_fact():
    fold = Spreads(bid=MID - 1, ask=MID + 1)
    fold._weigh(10 * S)
    fold._weigh(5 * S)

    assert (fold.sums.held, fold.since) == (10_000_000, 10_000_000)


def test_an_order_without_a_touch_is_left_out_and_counted():
    tape = BookTape().trade(0, BUY, MID, 5).whole(S, [(MID - 1, 1)], [(MID + 1, 1)])
    figures = told(tape.trade(2 * S, BUY, MID + 1, 5))

    assert (figures["clusters"], figures["clusters_without_touch"]) == (1, 1)


def test_an_end_without_a_mid_is_left_out_and_counted():
    tape = BookTape().whole(0, [(MID - 1, 1)], [(MID + 1, 1)]).change(S, [(MID - 1, 2)])
    tape.trade(2 * S, BUY, MID + 1, 5).lost(4 * S).trade(30 * S, BUY, MID + 1, 5)
    figures = told(tape)

    assert (figures["ended_5s"], figures["missed_5s"]) == (0, 1)
    assert figures["realised_5s_bp"] is None
    assert figures["book_ms"] == 4_000


def test_realised_and_impact_are_the_effective_spread_of_those_that_ended():
    tape = busy(290, seed=11, resync=9_999).change(400 * S, [(MID - 60, 1)])
    readings = [minute.readings.get("spreads") for minute in tape.told(Spreads()).minutes]
    whole = spreads.merged([reading for reading in readings if reading])

    for ended in (whole["realised_5s"], whole["realised_60s"]):
        assert ended[0] + ended[1] == whole["effective"]
        assert ended[2:] == [whole["met"], whole["clusters"], 0]


def test_however_many_orders_wait_they_are_joined_by_tenths_of_seconds():
    tape = BookTape().whole(0, ladder(MID - 1, -1), ladder(MID + 1, 1))
    for number in range(1, 5_000):
        tape.trade(number * 7 * MS, BUY, MID + 1, 1)
    fold = Spreads()
    (first, *_) = tape.told(fold).minutes

    assert first.readings["spreads"]["clusters"] == 4_999
    assert len(fold.horizons[1].waiting) <= 352
