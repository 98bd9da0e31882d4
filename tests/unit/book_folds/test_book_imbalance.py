"""Queue and depth imbalance against figures made by hand and by brute force."""

from fractions import Fraction

import pytest
from book_tape import INSTRUMENT, MID, SCALE, BookTape, S, ladder
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from cloud_marketdata.domain.book import OrderBook
from cloud_marketdata.domain.events import BookSnapshot
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.processing.flow.moments import Quote
from cloud_marketdata.processing.metrics import book_imbalance
from cloud_marketdata.processing.metrics.book_depth import depths_within
from cloud_marketdata.processing.metrics.book_imbalance import BookImbalance

bid_sides = st.dictionaries(st.integers(8_000, 9_999), st.integers(1, 99), min_size=1)
ask_sides = st.dictionaries(st.integers(10_000, 12_000), st.integers(1, 99), min_size=1)


def told(tape: BookTape) -> dict:
    readings = [minute.readings["book_imbalance"] for minute in tape.told(BookImbalance()).minutes]
    return book_imbalance.described(book_imbalance.merged(readings), SCALE)


def book(bids, asks, asked=None) -> OrderBook:
    whole = BookSnapshot(INSTRUMENT, 1, tuple(bids.items()), tuple(asks.items()), 0, 0)
    return OrderBook(whole, asked)


@given(bid_sides, ask_sides)
def test_depth_within_a_band_is_the_sum_of_the_levels_inside(bids, asks):
    twice_mid, bands = max(bids) + min(asks), (5, 10, 25, 1_000)
    found = depths_within(book(bids, asks), twice_mid, bands)

    for band, depth in zip(bands, found, strict=True):
        share = Fraction(band, 10_000) * twice_mid / 2
        middle = Fraction(twice_mid, 2)
        assert depth.bids == sum(lots for price, lots in bids.items() if price >= middle - share)
        assert depth.asks == sum(lots for price, lots in asks.items() if price <= middle + share)
        assert depth.complete


def test_a_level_half_a_tick_beyond_the_band_is_outside():
    # 5 bp around 10,000.5 reach from 9,995.49975 to 10,005.50025.
    edges = book({9_995: 1, 9_996: 2, 10_000: 4}, {10_001: 8, 10_005: 16, 10_006: 32})

    assert depths_within(edges, 20_001, (5,))[0][:2] == (6, 24)


def test_no_time_is_weighed_twice_where_a_minute_ends_before_a_fact():
    fold = BookImbalance(quote=Quote(0, MID - 1, 1, MID + 1, 1))
    fold._turn(10 * S, fold.quote)
    fold._turn(5 * S, None)

    assert (fold.sums.held, fold.since) == (10_000_000, 10_000_000)


@pytest.mark.parametrize(
    ("lowest", "highest", "complete"),
    [(9_900, 10_100, True), (9_901, 10_100, False), (9_900, 10_099, False)],
)
def test_a_band_is_complete_where_the_book_is_known_to_its_ends(lowest, highest, complete):
    cut = book({9_990: 1, lowest: 1}, {10_010: 1, highest: 1}, asked=2)

    near, far = depths_within(cut, 20_000, (50, 100))
    assert near.complete
    assert far.complete is complete
    assert depths_within(book({lowest: 1}, {highest: 1}), 20_000, (900,))[0].complete


def test_queue_imbalance_is_weighted_by_how_long_it_stood():
    tape = BookTape().whole(0, [(MID - 1, 30)], [(MID + 1, 10)])
    tape.change(15 * S, [(MID - 1, 10)]).change(45 * S, asks=[(MID + 1, 30)])
    figures = told(tape)

    assert figures["queue_imbalance"] == pytest.approx((15 * 0.5 + 30 * 0 - 15 * 0.5) / 60)
    assert figures["queue_imbalance_last"] == -0.5


def test_mirroring_the_book_turns_every_imbalance():
    sides = [(MID - 1, 30), (MID - 200, 9)], [(MID + 1, 11), (MID + 300, 5)]
    mirror = (
        [(2 * MID - price, lots) for price, lots in sides[1]],
        [(2 * MID - price, lots) for price, lots in sides[0]],
    )
    straight, turned = told(BookTape().whole(0, *sides)), told(BookTape().whole(0, *mirror))

    names = [name for name in straight if "imbalance" in name]
    assert len(names) == 5
    for name in names:
        assert straight[name] == pytest.approx(-turned[name])


def test_depth_is_sampled_once_a_second_and_averaged():
    tape = BookTape().whole(0, [(MID - 1, 10)], [(MID + 1, 20)])
    figures = told(tape.change(30 * S, [(MID - 1, 40)]))

    assert figures["depth_samples"] == 60
    assert figures["depth_bid_5bp"] == "0.025"
    assert figures["depth_ask_5bp"] == "0.02"
    assert figures["depth_imbalance_5bp"] == pytest.approx(5 / 45)
    assert figures["depth_complete_25bp"] is True


def test_a_book_that_is_not_known_as_far_is_said_to_be_incomplete():
    spot = replace(INSTRUMENT, venue=Venue.BINANCE_SPOT)
    figures = told(BookTape(spot).whole(0, ladder(MID - 1, -20), ladder(MID + 1, 20)))

    # 30 levels of 20 ticks reach 581 ticks, which is 9.7 bp.
    assert figures["depth_complete_5bp"] is True
    assert figures["depth_complete_10bp"] is False


def test_the_weighted_mid_leans_to_the_lighter_side():
    figures = told(BookTape().whole(0, [(MID - 1, 30)], [(MID + 1, 10)]))

    assert figures["weighted_mid_last"] == "60000.05"


def test_nothing_is_weighed_while_the_book_is_lost():
    tape = BookTape().whole(0, [(MID - 1, 30)], [(MID + 1, 10)]).change(S, [(MID - 1, 31)])
    tape.lost(10 * S).whole(40 * S, [(MID - 1, 10)], [(MID + 1, 30)])
    figures = told(tape)

    assert figures["book_ms"] == 30_000
    assert figures["depth_samples"] == 30
