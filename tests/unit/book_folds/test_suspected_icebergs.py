"""Prices that are emptied and shown again: when that is suspicious, and when it is not."""

import pytest
from book_tape import BUY, INSTRUMENT, MID, MS, SELL, START, BookTape, S, ladder, stored
from msgspec.structs import replace

from cloud_marketdata.domain.signal import SignalState
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.processing.detectors.iceberg_suspected import MOST_PRICES, IcebergSuspected
from cloud_marketdata.processing.detectors.reload import Reload
from cloud_marketdata.processing.flow.moments import Cluster

BEGIN = 70 * S
SHOWN = 100
SPOT = replace(INSTRUMENT, venue=Venue.BINANCE_SPOT)


def hit_at(number: int) -> int:
    """When a hit of `reloaded` is."""
    return START + BEGIN + number * 500 * MS


def warm(instrument=INSTRUMENT) -> BookTape:
    """A minute of 1,200 small orders, none of which empties a level."""
    tape = BookTape(instrument).whole(0, ladder(MID - 1, -1), ladder(MID + 1, 1))
    for number in range(1_200):
        side, away = ((SELL, -1), (BUY, 1))[number % 2]
        tape.trade(number * 50 * MS, side, MID + away, 5 + number % 26)
    return tape


def reloaded(
    tape: BookTape,
    *,
    times: int = 5,
    taken: int = 90,
    back: int = SHOWN,
    after: int = 30,
    side=SELL,
    shown: int = SHOWN,
) -> BookTape:
    """Take so much of the best price again and again, and show so much again `after` ms."""
    price, name = (MID - 1, "bids") if side is SELL else (MID + 1, "asks")
    tape.change(BEGIN - S, **{name: [(price, shown)]})
    for hit in range(times):
        at = BEGIN + hit * 500 * MS
        tape.trade(at, side, price, taken)
        tape.change(at + MS, **{name: [(price, shown - taken)]})
        tape.change(at + after * MS, **{name: [(price, back)]})
    return tape.change(BEGIN + 70 * S, [(MID - 30, 1)])


@pytest.mark.parametrize(("side", "price"), [(SELL, MID - 1), (BUY, MID + 1)])
def test_a_display_that_comes_back_three_times_is_suspected_and_in_the_end_over(side, price):
    (signal,) = reloaded(warm(), side=side).told(IcebergSuspected()).signals

    assert signal.detail["inferred"] is True
    assert (signal.side, signal.low, signal.high) == (side, price, price)
    # Four hits of 90 are the first that are three times the 100 displayed.
    assert signal.detected == hit_at(3) + 30 * MS
    assert (signal.detail["refills"], signal.size, signal.evidence.trades) == (4, 360, 4)
    assert signal.state is SignalState.RESOLVED
    assert signal.end == hit_at(4)


@pytest.mark.parametrize(
    "changed",
    [
        {"times": 3},
        {"after": 101},
        {"taken": 79},
    ],
    ids=["too little in all", "too late", "too little at a time"],
)
def test_less_than_that_is_not_suspected(changed):
    assert reloaded(warm(), **changed).told(IcebergSuspected()).signals == []


def test_where_books_come_every_100_ms_a_refill_may_show_as_much_later():
    assert reloaded(warm(SPOT), after=180).told(IcebergSuspected()).signals
    assert reloaded(warm(SPOT), after=210).told(IcebergSuspected()).signals == []


def test_what_is_taken_beyond_the_display_was_hidden():
    tape = warm().change(BEGIN - S, [(MID - 1, SHOWN)])
    for hit in range(4):
        tape.trade(BEGIN + hit * 10 * MS, SELL, MID - 1, 90)
    (signal,) = tape.told(IcebergSuspected()).signals

    assert signal.detail["refills"] == 3


def test_a_display_of_less_than_80_percent_is_no_refill():
    for back, refilled in ((80, True), (79, False)):
        price = Reload(SHOWN, 0)
        price.hit(Cluster(S, S, SELL, 1, 1, 1, 1, 90, 90 * MID, ((MID, 90),)), 90)

        assert price.display(S + 50 * MS, back, 100 * MS) is refilled


def test_two_refills_are_not_three_however_much_was_taken():
    tape = warm().change(BEGIN - S, [(MID - 1, SHOWN)])
    for hit in range(2):
        tape.trade(BEGIN + hit * 10 * S, SELL, MID - 1, 200)
        tape.change(BEGIN + hit * 10 * S + 300 * MS, [(MID - 1, SHOWN)])

    assert tape.told(IcebergSuspected()).signals == []


def test_three_refills_in_more_than_a_minute_are_not_suspected():
    tape = warm().change(BEGIN - S, [(MID - 1, SHOWN)])
    for hit in range(6):
        at = BEGIN + hit * 31 * S
        tape.trade(at, SELL, MID - 1, SHOWN).change(at + 30 * MS, [(MID - 1, SHOWN - 1)])
        tape.change(at + 31 * MS, [(MID - 1, SHOWN)])

    assert tape.told(IcebergSuspected()).signals == []


def test_crumbs_are_not_suspected():
    tape = reloaded(warm(), taken=4, shown=5, back=5, times=6)

    assert tape.told(IcebergSuspected()).signals == []


def test_nothing_is_suspected_before_a_thousand_orders():
    tape = BookTape().whole(0, ladder(MID - 1, -1), ladder(MID + 1, 1))
    fold = IcebergSuspected()

    assert reloaded(tape).told(fold).signals == []
    assert fold.warming


def test_suspicion_ends_where_the_book_is_lost():
    tape = warm()
    reloaded(tape)
    tape.events.pop()
    (signal,) = tape.lost(BEGIN + 3 * S).told(IcebergSuspected()).signals

    assert signal.state is SignalState.RESOLVED


def test_a_restart_at_any_moment_of_an_iceberg_changes_nothing():
    tape = reloaded(warm())
    broken, _ = tape.told_in_parts([IcebergSuspected()], stored)

    assert broken.signals == tape.told(IcebergSuspected()).signals


def test_no_more_prices_are_watched_than_there_is_room_for():
    tape = BookTape().whole(0, ladder(MID - 1, -1, 700, 10), ladder(MID + 1, 1))
    for number in range(700):
        tape.trade((number + 1) * MS, SELL, MID - 1 - number, 10)
    fold = IcebergSuspected()
    tape.told(fold)

    assert fold.refused == 700 - MOST_PRICES


def test_a_price_that_displays_nothing_is_not_refilled_by_showing_nothing_again():
    tape = warm().change(BEGIN - S, [(MID - 1, SHOWN)]).trade(BEGIN, SELL, MID - 1, 90)
    # Found empty too late for a refill: from here on it displays nothing.
    tape.change(BEGIN + 200 * MS, [(MID - 1, 0)])
    for hit in range(1, 6):
        at = BEGIN + hit * 500 * MS
        tape.trade(at, SELL, MID - 1, 90).change(at + 10 * MS, [(MID - 1, 0)])

    assert tape.told(IcebergSuspected()).signals == []
