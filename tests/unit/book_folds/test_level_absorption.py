"""Absorption of aggression by one price: what is told, when, and what is not."""

import pytest
from book_tape import BUY, MID, MS, SELL, BookTape, S, ladder, stored
from msgspec.structs import replace

from cloud_marketdata.domain.signal import SignalState
from cloud_marketdata.processing.detectors.absorbed import slack_at
from cloud_marketdata.processing.detectors.absorption import ENOUGH, Absorption, Watched
from cloud_marketdata.processing.detectors.contest import Contest
from cloud_marketdata.processing.detectors.front import Reach
from cloud_marketdata.processing.flow.moments import Cluster

ATTACK = 120 * S
HITS = 20
EACH = 90
SHOWN = 100
GONE = slack_at(MID) + 5
DIRECTIONS = [(SELL, -1), (BUY, 1)]


def warm(levels: int = 700) -> BookTape:
    """Two minutes in which 1,200 prices of each side are hit once or so, by up to 30 lots."""
    tape = BookTape().whole(0, ladder(MID - 1, -1, levels), ladder(MID + 1, 1, levels))
    for second in range(60):
        for at in range(20):
            number, side = second * 20 + at, (SELL, BUY)[at % 2]
            price = MID + (number // 2 + 1) * (-1 if side is SELL else 1)
            tape.trade(second * S + at * 40 * MS, side, price, 5 + number % 26)
    return tape.change(80 * S, [(MID - 700, 1)])


def attacked(tape: BookTape, taker, away, *, refilled: bool = True, shown: int = SHOWN) -> BookTape:
    """Let takers hit the best price 20 times within four seconds."""
    price = MID + away
    side = "bids" if taker is SELL else "asks"
    tape.change(ATTACK - S, **{side: [(price, shown)]})
    for hit in range(HITS):
        at = ATTACK + hit * 200 * MS
        tape.trade(at, taker, price, EACH)
        left = max(1, shown - EACH * (hit + 1))
        tape.change(at + 1, **{side: [(price, shown - EACH if refilled else left)]})
        if refilled:
            tape.change(at + 50 * MS, **{side: [(price, shown)]})
    return tape


def swept_away(tape: BookTape, at: int, taker, away) -> BookTape:
    """Let all levels up to `GONE` ticks behind the best one vanish."""
    side = "bids" if taker is SELL else "asks"
    return tape.change(at, **{side: [(MID + away * n, 0) for n in range(1, GONE + 1)]})


@pytest.mark.parametrize(("taker", "away"), DIRECTIONS)
def test_a_refilled_level_that_holds_is_told_and_has_held(taker, away):
    tape = attacked(warm(), taker, away)
    (signal,) = tape.told(Absorption()).signals

    inside = [
        one
        for one in tape.events
        if hasattr(one, "side")
        and signal.evidence.first_id <= one.id <= signal.evidence.last_id
        and one.price == MID + away
    ]
    assert signal.state is SignalState.HELD
    assert (signal.side, signal.low, signal.high) == (taker, MID + away, MID + away)
    assert signal.size == HITS * EACH
    assert 0 < len(inside) == signal.evidence.trades
    assert signal.detail["confidence"] == "book"
    assert signal.detail["replenished"] >= 1.5
    assert signal.statistic >= signal.threshold
    # It is told within a second of having taken enough, long before the attack is over.
    assert signal.detected <= signal.start + S
    assert signal.start < signal.end


@pytest.mark.parametrize(("taker", "away"), DIRECTIONS)
def test_one_that_gives_way_within_the_hold_is_broken(taker, away):
    tape = swept_away(attacked(warm(), taker, away), ATTACK + 10 * S, taker, away)
    (signal,) = tape.told(Absorption()).signals

    assert signal.state is SignalState.BROKEN
    assert signal.revision == 1


@pytest.mark.parametrize(("taker", "away"), DIRECTIONS)
def test_one_that_gives_way_after_it_has_held_is_broken_later(taker, away):
    tape = swept_away(attacked(warm(), taker, away), ATTACK + 300 * S, taker, away)
    (signal,) = tape.told(Absorption()).signals

    assert signal.state is SignalState.BROKEN
    assert signal.revision == 2


@pytest.mark.parametrize(("taker", "away"), DIRECTIONS)
def test_a_level_that_was_as_large_as_what_was_taken_has_absorbed_nothing(taker, away):
    tape = attacked(warm(), taker, away, refilled=False, shown=HITS * EACH)

    assert tape.told(Absorption()).signals == []


@pytest.mark.parametrize(("taker", "away"), DIRECTIONS)
def test_a_level_that_gives_way_at_once_has_absorbed_nothing(taker, away):
    tape = warm()
    tape.change(ATTACK - S, [(MID - 1, 10)], [(MID + 1, 10)])
    for hit in range(HITS):
        tape.trade(ATTACK + hit * MS, taker, MID + away, EACH)
    swept_away(tape, ATTACK + 100 * MS, taker, away)

    assert tape.told(Absorption()).signals == []


def test_what_is_taken_slowly_never_fills_the_window():
    tape = warm().change(ATTACK - S, [(MID - 1, 10)])
    for hit in range(40):
        tape.trade(ATTACK + hit * 2 * S, SELL, MID - 1, 5)

    assert tape.told(Absorption()).signals == []


def test_what_was_displayed_between_two_hits_counts_too():
    tape = warm().change(ATTACK - S, [(MID - 1, SHOWN)])
    for hit in range(HITS):
        at = ATTACK + hit * 200 * MS
        tape.trade(at, SELL, MID - 1, EACH)
        tape.change(at + 50 * MS, [(MID - 1, HITS * EACH)]).change(at + 60 * MS, [(MID - 1, SHOWN)])

    assert tape.told(Absorption()).signals == []


def test_an_absorption_grows_with_its_own_contest_only():
    (signal,) = attacked(warm(), SELL, -1).told(Absorption()).signals
    one = Watched(signal, MID - 1, 30, 0, contest=5 * S, taken=0, trades=0, last=0)
    contest = Contest(5 * S, 1, 1)
    contest.hit(Cluster(6 * S, 0, SELL, 9, 9, 1, 1, 7, 7 * MID, ((MID, 7),)), 7, 1)

    one.follow(replace(contest, begun=4 * S))
    assert one.signal is signal
    one.follow(contest)
    assert (one.signal.size, one.signal.evidence.last_id, one.last) == (7, 9, 6 * S)


def test_without_a_book_what_was_displayed_is_left_out():
    tape = warm().lost(ATTACK - 10 * S)
    for hit in range(HITS):
        tape.trade(ATTACK + hit * 200 * MS, SELL, MID - 1, EACH)
    (signal,) = tape.told(Absorption()).signals

    assert signal.detail["confidence"] == "tape_only"
    assert "replenished" not in signal.detail


def test_nothing_is_told_while_it_is_not_known_what_prices_usually_take():
    tape = BookTape().whole(0, ladder(MID - 1, -1), ladder(MID + 1, 1))
    fold = Absorption()

    assert attacked(tape, SELL, -1).told(fold).signals == []
    assert fold.warming


def test_it_is_warm_as_soon_as_a_thousand_prices_were_contested():
    fold = Absorption()
    warm().told(fold)

    assert not fold.warming
    assert fold.sizes.count >= ENOUGH


def test_a_restart_at_any_moment_of_an_absorption_changes_nothing():
    tape = swept_away(attacked(warm(), SELL, -1), ATTACK + 60 * S, SELL, -1)
    straight = tape.told(Absorption())
    broken, _ = tape.told_in_parts([Absorption()], stored)

    assert straight.signals
    assert broken.signals == straight.signals


def test_the_slack_is_half_a_basis_point_and_at_least_a_tick():
    assert [slack_at(price) for price in (600_000, 40_000, 39_999, 5)] == [30, 2, 1, 1]


def test_no_more_prices_are_contested_than_there_is_room_for():
    tape = BookTape().whole(0, ladder(MID - 1, -1, 2_500), ladder(MID + 1, 1))
    for number in range(2_500):
        tape.trade(number * MS, SELL, MID - 1 - number, 1)
    tape.trade(2_600 * MS, SELL, MID - 1, 1)
    fold = Absorption()
    tape.told(fold)

    assert fold.refused == 500


def test_a_side_says_how_far_it_was_pushed_since_a_moment():
    bids, asks = Reach(1), Reach(-1)
    for at, price in enumerate((100, 90, 95)):
        bids.take(at * S, price)
        asks.take(at * S, -price + 300)

    assert bids.beyond(100, S) == 10
    assert bids.beyond(100, 2 * S) == 5
    assert asks.beyond(200, S) == 10
    assert bids.beyond(80, 0) == 0


def test_hits_are_forgotten_after_the_window():
    tape = warm(40)
    fold = Absorption()
    tape.told(fold)
    assert fold.bids.contests == {}
