"""Silence, rate and clock of feeds: planted faults are found, ordinary feeds are left alone."""

from math import log1p
from random import Random

import msgspec
import pytest
from feed_scene import BASE, arrival, arrived, copied, minute_over, scene, told
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_marketdata.domain.signal import SignalState
from cloud_marketdata.domain.values import NS_PER_MS, NS_PER_S
from cloud_marketdata.processing.detectors.clock_skew import ClockSkew
from cloud_marketdata.processing.detectors.feed_rate import FeedRate
from cloud_marketdata.processing.detectors.rhythm import Rhythm
from cloud_marketdata.processing.detectors.stale_feed import StaleFeed
from cloud_marketdata.processing.metrics import clock
from cloud_marketdata.processing.metrics.clock import Delays

FOLDS = (StaleFeed, FeedRate, ClockSkew)


def feed(seconds, *, rate=10.0, seed=1, start=0.0, silent=(), kind="trades", delay=5.0):
    """Entries at random times; none of them while it is `silent`."""
    random = Random(seed)  # noqa: S311  a seed must repeat
    at = start * 1000
    while (at := at + random.expovariate(rate) * 1000) < (start + seconds) * 1000:
        if not any(first <= at / 1000 < last for first, last in silent):
            yield arrival(at, kind, delay + random.expovariate(0.5))


def both(*, seconds, rate, seed=1, silent=()):
    """Trades with silences, and a book without, in the order of their receipt."""
    trades = feed(seconds, rate=rate, seed=seed, silent=silent)
    book = feed(seconds, rate=20, seed=2, kind="book")
    return sorted([*trades, *book], key=lambda one: one.received_at)


@pytest.mark.parametrize("silence", [4, 6, 20])
def test_a_silence_is_told_while_it_lasts_and_again_when_it_ends(silence):
    signals = told(StaleFeed(), both(seconds=120, rate=50, silent=((60, 60 + silence),)))
    opened, resolved = signals
    assert (opened.state, resolved.state) == (SignalState.OPEN, SignalState.RESOLVED)
    assert opened.id == resolved.id
    assert abs(opened.start - (BASE + 60 * NS_PER_S)) < NS_PER_S // 2
    assert opened.threshold * NS_PER_S < opened.detected - opened.start
    assert opened.detected - opened.start <= (opened.threshold + 1.1) * NS_PER_S
    assert resolved.detail["silence_ms"] >= silence * 1000 - 100
    assert resolved.detected == opened.detected


def test_a_quiet_feed_is_not_a_stale_one():
    quiet = [arrival(at * 2500) for at in range(400)]
    book = [arrival(at * 100, "book") for at in range(10_000)]
    assert not told(StaleFeed(), sorted([*quiet, *book], key=lambda one: one.received_at))


def test_a_slow_feed_is_stale_only_after_twenty_of_its_own_silences():
    slow = [at * 1_000 for at in range(300)]
    for silence, signals in ((15_000, 0), (40_000, 2)):
        times = [*slow, slow[-1] + silence]
        book = [arrival(at * 100, "book") for at in range(times[-1] // 100)]
        entries = sorted([*map(arrival, times), *book], key=lambda one: one.received_at)
        found = told(StaleFeed(), entries)
        assert len(found) == signals
        assert all(20 <= one.threshold <= 22.1 for one in found)


def test_entries_of_one_moment_are_no_rhythm():
    fold = StaleFeed()
    told(fold, [arrival(at // 2 * 100) for at in range(100)])
    assert fold.channels["trades"].rhythm.count == 49


def test_a_silence_of_all_feeds_is_told_with_its_end():
    signals = told(StaleFeed(), feed(120, rate=50, silent=((60, 90),)))
    assert [one.state for one in signals] == ["open", "resolved"]
    assert signals[0].detail["silence_ms"] >= 29_000


def test_nothing_is_told_before_there_is_a_rhythm():
    fold = StaleFeed()
    assert fold.warming
    assert not told(fold, [arrival(0), arrival(60_000), arrival(120_000)])
    assert fold.warming


@pytest.mark.parametrize(("factor", "direction"), [(0.25, "drop"), (4, "burst")])
def test_a_rate_that_changes_for_good_is_told_once(factor, direction):
    entries = [*feed(600, rate=15), *feed(600, rate=15 * factor, seed=5, start=600)]
    (change,) = told(FeedRate(), entries)
    assert change.detail["direction"] == direction
    assert 600 * NS_PER_S < change.detected - BASE < 700 * NS_PER_S
    assert abs(change.baseline - log1p(15)) < 0.3


def test_after_a_change_the_new_level_is_the_usual_one():
    levels = [*feed(600, rate=15), *feed(900, rate=60, seed=5, start=600)]
    changes = told(FeedRate(), [*levels, *feed(600, rate=15, seed=6, start=1_500)])
    burst, drop = changes
    assert (burst.detail["direction"], drop.detail["direction"]) == ("burst", "drop")
    assert abs(drop.baseline - log1p(60)) < 0.3
    assert abs(drop.start - burst.end) < NS_PER_S


def test_a_steady_rate_is_never_told():
    assert not told(FeedRate(), feed(3600, rate=15))


@pytest.mark.parametrize("offset", [-1272, -40, 400])
def test_a_clock_that_is_off_is_told_until_it_is_right_again(offset):
    entries = [
        *feed(180, delay=20),
        *feed(180, start=180, delay=20 + offset),
        *feed(180, start=360, delay=20),
    ]
    signals = [one for one in told(ClockSkew(), entries) if one.id.endswith(":offset")]
    assert [one.state for one in signals] == ["open", "resolved"]
    assert abs(signals[0].statistic - (20 + offset)) < 5
    assert signals[0].id == signals[1].id


def test_an_ordinary_clock_is_never_told():
    assert not told(ClockSkew(), feed(3600, rate=5, delay=30))


def test_a_clock_that_drifts_away_is_told_before_the_alarm():
    drifting = (
        arrival(at * 200, "trades", 20 + max(0, at - 12_000) / 300 * 2) for at in range(30_000)
    )
    signals = told(ClockSkew(), drifting)
    assert {one.id.rpartition(":")[2] for one in signals} == {"drift"}


def test_trades_that_were_filled_in_are_no_delay():
    fold = ClockSkew()
    here = scene()
    for at in range(100):
        fold.on_arrival(here, arrival(at * 100, delay_ms=7))
        fold.on_arrival(here, arrival(at * 100 + 1, delay_ms=30_000))
    assert fold.reading(here) == {
        "n": 100,
        "min_ms": 7,
        "median_ms": 7,
        "median_low_ms": 7,
        "median_high_ms": 7,
    }
    assert fold.reading(here) is None


@given(st.lists(st.integers(-3_000, 3_000), min_size=1, max_size=200))
def test_the_reading_is_the_minimum_and_the_lower_median(delays):
    kept = Delays()
    for delay in delays:
        kept.add(delay * NS_PER_MS)
    reading = kept.reading()
    assert reading["min_ms"] == min(delays)
    assert reading["median_ms"] == sorted(delays)[(len(delays) - 1) // 2]


@given(st.lists(st.lists(st.integers(-50, 50), min_size=1), min_size=2, max_size=6))
def test_clock_readings_merge_in_any_grouping(minutes):
    readings = []
    for minute in minutes:
        kept = Delays()
        for delay in minute:
            kept.add(delay * NS_PER_MS)
        readings.append(kept.reading())
    whole = clock.merged(readings)
    assert whole == clock.merged([clock.merged(readings[:1]), clock.merged(readings[1:])])
    assert whole["n"] == sum(map(len, minutes))
    assert whole["min_ms"] == min(map(min, minutes))


@given(st.lists(st.integers(1, 10**6), min_size=20, max_size=300))
def test_a_rhythm_is_at_most_a_tenth_above_the_true_quantile(gaps_us):
    rhythm, time = Rhythm(half_life=1e9), BASE
    for gap in gaps_us:
        time += gap * 1000
        rhythm.add(time, gap * 1000)
    usual = rhythm.usual(0.9)
    exceeding = sum(gap * 1000 > usual for gap in gaps_us)
    assert exceeding <= 0.1 * len(gaps_us) + 1
    true = sorted(gaps_us)[min(len(gaps_us) - 1, int(0.9 * len(gaps_us)) + 1)] * 1000
    assert usual <= max(1_100_000, true * 1.11)


@settings(max_examples=20, deadline=None)
@given(cut=st.integers(0, 3_000), seed=st.integers(0, 9))
def test_a_fold_that_was_stored_and_loaded_goes_on_as_if_nothing_had_been(cut, seed):
    entries = both(seconds=200, rate=12, seed=seed, silent=((90, 130),))
    for kind in FOLDS:
        straight = told(kind(), entries)
        fold, here = kind(), scene()
        signals, minute = [], None
        for at, one in enumerate(entries):
            if at == cut:
                fold = copied(fold)
            start = one.received_at - one.received_at % (60 * NS_PER_S)
            if minute is not None and start > minute:
                signals += minute_over(fold, here, minute)
            minute = start
            signals += arrived(fold, here, one)
        assert signals == straight


def test_a_week_takes_no_more_room_than_a_day():
    for kind in FOLDS:
        fold, sizes = kind(), []
        for day in range(7):
            told(fold, feed(86_400, rate=0.05, seed=day, start=day * 86_400, delay=30))
            sizes.append(len(msgspec.msgpack.encode(fold)))
        assert sizes[-1] < 1.5 * sizes[0] + 200, kind
