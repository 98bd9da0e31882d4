"""Spreads that blow out, depth that collapses, books that cross: told, lasting, and over."""

import pytest
from book_tape import INSTRUMENT, MID, MS, START, BookTape, S, ladder, stored
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from cloud_marketdata.domain.signal import Severity, SignalState
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.processing.detectors.crossed_book import CrossedBook
from cloud_marketdata.processing.detectors.depth_collapse import DepthCollapse
from cloud_marketdata.processing.detectors.episode import Episode, Turn
from cloud_marketdata.processing.detectors.spread_blow_out import SpreadBlowOut
from cloud_marketdata.processing.detectors.spread_levels import SpreadLevels

BEGIN = 700 * S
SPOT = replace(INSTRUMENT, venue=Venue.BINANCE_SPOT)


def calm(instrument=INSTRUMENT, seconds: int = 700) -> BookTape:
    """A spread of two ticks, and 15,000 lots a side."""
    tape = BookTape(instrument).whole(0, ladder(MID - 1, -1), ladder(MID + 1, 1))
    for second in range(seconds):
        tape.change(second * S + MS, [(MID - 40, 1 + second % 2)])
    return tape


def widened(tape: BookTape, *, ticks: int = 12, ms: int = 2_000, at: int = BEGIN) -> BookTape:
    """Let the asks up to `ticks` away from the bid go for so long."""
    gone = [(MID - 1 + away, 0) for away in range(2, ticks)]
    tape.change(at, asks=gone)
    tape.change(at + ms * MS, asks=[(price, 500) for price, _ in gone])
    return tape.change(at + 10 * S, [(MID - 40, 1)])


def thinned(tape: BookTape, *, lots: int, seconds: int = 3) -> BookTape:
    """Let every level hold so many lots for some seconds."""
    tape.change(BEGIN, ladder(MID - 1, -1, lots=lots), ladder(MID + 1, 1, lots=lots))
    at = BEGIN + seconds * S
    return tape.change(at, ladder(MID - 1, -1), ladder(MID + 1, 1)).change(at + 5 * S, [(1, 1)])


def test_a_spread_of_five_medians_is_told_after_half_a_second_and_over_when_it_narrows():
    (signal,) = widened(calm()).told(SpreadBlowOut()).signals

    assert (signal.start, signal.end) == (START + BEGIN, START + BEGIN + 2 * S)
    assert START + BEGIN + 500 * MS <= signal.detected <= START + BEGIN + S
    assert (signal.statistic, signal.threshold, signal.state) == (6, 5, SignalState.RESOLVED)


@pytest.mark.parametrize("changed", [{"ms": 400}, {"ticks": 9}])
def test_a_shorter_or_narrower_one_is_not(changed):
    assert widened(calm(), **changed).told(SpreadBlowOut()).signals == []


def test_one_that_nobody_looked_into_was_as_long_as_it_was():
    tape = calm()
    widened(tape, ms=700, at=BEGIN + 100 * MS)
    (signal,) = tape.told(SpreadBlowOut()).signals

    assert signal.detected == signal.end == START + BEGIN + 800 * MS


def test_what_was_told_does_not_raise_what_is_told_next():
    tape = calm()
    for again in range(10):
        widened(tape, ms=3_000, ticks=30 - 2 * again, at=BEGIN + again * 60 * S)

    assert len(tape.told(SpreadBlowOut()).signals) == 10


def test_what_goes_on_for_long_becomes_usual():
    tape = calm()
    tape.change(BEGIN, asks=[(MID + away, 0) for away in range(1, 12)])
    for second in range(701, 3_000):
        tape.change(second * S, [(MID - 40, 1 + second % 2)])
    fold = SpreadBlowOut()
    (signal,) = tape.told(fold).signals

    assert fold.median == 13
    assert signal.state is SignalState.RESOLVED


def test_depth_below_a_fifth_of_the_median_is_told_and_over_when_it_comes_back():
    (signal,) = thinned(calm(), lots=80).told(DepthCollapse()).signals

    assert signal.start == START + BEGIN + S
    assert signal.end == START + BEGIN + 4 * S
    assert signal.statistic == pytest.approx(0.16, abs=0.001)
    assert signal.state is SignalState.RESOLVED


def test_depth_above_a_fifth_is_not():
    assert thinned(calm(), lots=110).told(DepthCollapse()).signals == []


def test_a_book_that_is_not_known_as_far_is_never_judged():
    fold = DepthCollapse()

    assert thinned(calm(SPOT), lots=5).told(fold).signals == []
    assert fold.warming


@pytest.mark.parametrize("fold", [SpreadBlowOut, DepthCollapse])
def test_nothing_is_told_within_ten_minutes(fold):
    kind = fold()
    tape = widened(calm(seconds=500), at=510 * S)
    tape.change(521 * S, ladder(MID - 1, -1, lots=1), ladder(MID + 1, 1, lots=1))

    assert tape.told(kind).signals == []
    assert kind.warming


@pytest.mark.parametrize("fold", [SpreadBlowOut, DepthCollapse])
def test_it_ends_where_the_book_is_lost(fold):
    tape = calm()
    tape.change(BEGIN, [(MID - away, 0) for away in range(1, 29)])
    tape.change(BEGIN + S, [(MID - 40, 3)], ladder(MID + 1, 1, lots=1))
    tape.change(BEGIN + 2 * S, [(MID - 40, 2)]).lost(BEGIN + 3 * S)
    tape.change(BEGIN + 4 * S, [(MID - 40, 3)])
    (signal,) = tape.told(fold()).signals

    assert signal.state is SignalState.RESOLVED
    assert signal.end == START + BEGIN + 3 * S


def test_a_crossed_book_is_told_at_once_critical_after_a_second_and_over_when_it_uncrosses():
    tape = calm(seconds=3).change(3 * S, [(MID + 2, 10)])
    tape.change(3 * S + 500 * MS, [(MID - 3, 1)])
    early = tape.told(CrossedBook()).signals[0]
    tape.change(4 * S + 500 * MS, [(MID - 3, 2)]).change(5 * S, [(MID + 2, 0)])
    (late,) = tape.told(CrossedBook()).signals

    assert (early.start, early.detected) == (START + 3 * S, START + 3 * S)
    assert (early.state, early.severity) == (SignalState.OPEN, Severity.WARN)
    assert (early.low, early.high) == (MID + 1, MID + 2)
    assert (late.id, late.severity, late.end) == (early.id, Severity.CRITICAL, START + 5 * S)
    assert late.statistic == 3


def test_a_locked_book_is_told_too():
    tape = calm(seconds=3).change(3 * S, [(MID + 1, 10)])
    (signal,) = tape.told(CrossedBook()).signals

    assert signal.detail["locked"] is True


@pytest.mark.parametrize(
    ("kind", "tape"),
    [
        (SpreadBlowOut, widened(calm())),
        (DepthCollapse, thinned(calm(), lots=80)),
        (CrossedBook, calm(seconds=3).change(3 * S, [(MID + 2, 1)]).change(4 * S, [(MID + 2, 0)])),
    ],
)
def test_a_restart_at_any_moment_changes_nothing(kind, tape):
    straight = tape.told(kind())
    broken, _ = tape.told_in_parts([kind()], stored)

    assert straight.signals
    assert broken.signals == straight.signals


@given(st.lists(st.integers(1, 20), min_size=1), st.integers(0, 50), st.integers(0, 50))
def test_an_episode_opens_and_closes_in_turn_and_lasts_at_least_as_asked(steps, lasting, calming):
    episode, time, bad, turns = Episode(lasting, calming), 1, False, []
    for step in steps:
        time, bad = time + step, not bad
        turn = episode.turn(time, bad=bad)
        if turn is Turn.OPENED:
            assert time - episode.since >= lasting
        turns += [turn] if turn else []

    expected = [Turn.OPENED, Turn.CLOSED] * len(turns)
    assert turns == expected[: len(turns)]


def test_what_is_bad_again_when_the_last_one_is_over_is_a_new_episode():
    episode = Episode(5, 5)
    for time, bad, expected in (
        (1, True, None),
        (7, False, Turn.OPENED),
        (20, True, Turn.CLOSED),
        (24, True, None),
        (25, True, Turn.OPENED),
    ):
        assert episode.turn(time, bad=bad) is expected
    assert episode.since == 20
    assert episode.ended == 7


@given(st.lists(st.tuples(st.integers(0, 3_599), st.integers(1, 40)), min_size=1))
def test_quantiles_of_spreads_are_those_of_the_seconds(samples):
    samples.sort()
    levels = SpreadLevels()
    for second, spread in samples:
        levels.add(second * S, spread)
    spreads = sorted(spread for _, spread in samples)

    count, found = levels.quantiles(0.5, 0.999)
    assert count == len(spreads)
    assert found == [spreads[int(share * (count - 1))] for share in (0.5, 0.999)]


def test_spreads_of_more_than_an_hour_ago_are_forgotten():
    levels = SpreadLevels()
    levels.add(0, 7)
    levels.add(3_600 * S, 3)

    assert levels.quantiles(1.0) == (1, [3])
