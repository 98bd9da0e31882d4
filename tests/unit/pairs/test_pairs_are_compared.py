"""Two markets against each other: planted lags and divergences are found, and nothing else."""

from random import Random

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from two_markets import BASE, BOOK, FIRST, PAIR, Plan, at, entries, stage_told

from cloud_marketdata.domain.instrument import Instrument, Scale
from cloud_marketdata.domain.signal import SignalState
from cloud_marketdata.domain.values import NS_PER_MS, NS_PER_S, Venue
from cloud_marketdata.processing.pairs.correlogram import Correlogram, lagged
from cloud_marketdata.processing.pairs.following import Place, Told
from cloud_marketdata.processing.pairs.likes import LIKE, pairs_of
from cloud_marketdata.processing.pairs.offset import ClockOffset
from cloud_marketdata.processing.pairs.path import Path
from cloud_marketdata.processing.pairs.stage import PairStage
from cloud_marketdata.storage.ports import Stream, StreamKind

PATHS = st.lists(st.tuples(st.integers(0, 3_000), st.integers(-50, 50)), max_size=40)


def path(steps, shift=0) -> Path:
    ordered = sorted(steps)
    return Path(0, [time + shift for time, _ in ordered], [step for _, step in ordered])


@given(PATHS, PATHS)
def test_the_sums_of_two_series_are_mirrored_when_they_change_places(first, second):
    straight, swapped = lagged(path(first), path(second)), lagged(path(second), path(first))
    assert np.array_equal(straight, swapped[::-1])


@given(PATHS, PATHS)
def test_the_sums_are_those_of_brute_force(first, second):
    sums = lagged(path(first), path(second))
    brute = [0] * len(sums)
    for one, step in first:
        for other, answer in second:
            if abs(other - one) <= 1_000:
                brute[other - one + 1_000] += step * answer
    assert brute == sums.tolist()


@settings(deadline=None)
@given(lag=st.integers(-900, 900), seed=st.integers(0, 99))
def test_a_series_that_is_repeated_later_is_found_at_its_lag_and_mirrored(lag, seed):
    random = Random(seed)  # noqa: S311  a seed must repeat
    steps = [(random.randrange(60_000), random.choice((-3, -1, 2, 4))) for _ in range(400)]
    forth, back = Correlogram(), Correlogram()
    forth.add(path(steps), path(steps, lag))
    back.add(path(steps, lag), path(steps))
    assert forth.estimate().lag == lag
    assert back.estimate().lag == -lag
    assert forth.estimate().correlation == back.estimate().correlation


def test_unrelated_series_have_no_lag():
    random = Random(5)  # noqa: S311  a seed must repeat
    for _ in range(20):
        made = Correlogram()
        for _ in range(5):
            one, other = (
                path([(random.randrange(60_000), random.gauss(0, 30) // 1) for _ in range(600)])
                for _ in (0, 1)
            )
            made.add(_whole(one), _whole(other))
        assert made.estimate().lag is None


def _whole(steps: Path) -> Path:
    return Path(0, steps.times, [int(step) for step in steps.steps])


@pytest.mark.parametrize("lag", [0, 3, 40, 250, -120])
@pytest.mark.parametrize("clocks", [(20, 20), (5, 80)])
def test_a_planted_lag_is_found_within_5_ms_of_the_venues_own_clocks(lag, clocks):
    told = stage_told(entries(Plan(130, lag_ms=lag, clocks=clocks, trades=4)))
    reading = told.minutes[-1].readings["lead_lag"]
    assert abs(reading["lag_match_ms"] - lag) <= 5
    assert abs(reading["lag_ms"] - lag - (clocks[1] - clocks[0])) <= 5
    assert reading["source"] == "mid"


def test_a_lag_is_found_on_the_tape_alone_where_there_is_no_book():
    told = stage_told(
        entries(Plan(300, lag_ms=120, silent=lambda _leg, _second: True, trades=60, steps=10))
    )
    reading = told.minutes[-1].readings["lead_lag"]
    assert (reading["source"], reading["mid_lag_ms"]) == ("tape", None)
    assert abs(reading["lag_match_ms"] - 120) <= 5


@pytest.mark.parametrize("apart", [-40, 12, 100])
def test_a_divergence_is_told_when_it_lasts_and_again_when_it_is_over(apart):
    plan = Plan(200, apart=lambda second: apart if 160 <= second < 175 else 0, trades=2)
    opened, over = stage_told(entries(plan)).signals
    assert (opened.state, over.state) == (SignalState.OPEN, SignalState.RESOLVED)
    assert (opened.id, opened.revision, over.revision) == (over.id, 0, 1)
    assert at(160) < opened.start < at(162)
    assert NS_PER_S <= opened.detected - opened.start < 1.5 * NS_PER_S
    assert at(175) < over.end < at(176.5)
    assert abs(opened.statistic) > opened.threshold
    # x is the first over the second, so a second that stands high makes it negative.
    assert opened.statistic * apart < 0
    assert opened.detail["moved_first"] == Venue.BYBIT_LINEAR.value
    assert abs(opened.detail["bybit-linear_moved_bp"] - apart) < 6
    assert opened.detail["bybit-linear_clock_offset_ms"] == 35


def test_a_distance_of_half_a_second_is_no_divergence():
    plan = Plan(180, apart=lambda second: 50 if 160 <= second < 160.6 else 0, trades=2)
    assert not stage_told(entries(plan)).signals


def test_nothing_is_told_while_one_market_is_not_fresh():
    silent = lambda leg, second: leg == 1 and second >= 160  # noqa: E731  it reads best here
    plan = Plan(300, apart=lambda second: 100 if second >= 159.8 else 0, silent=silent)
    told = stage_told(entries(plan))
    assert not told.signals
    assert told.minutes[-1].readings["basis"]["looks"] == 0


def test_the_first_two_minutes_are_warming_and_tell_nothing():
    plan = Plan(115, apart=lambda second: 100 if 80 <= second < 100 else 0)
    told = stage_told(entries(plan))
    assert not told.signals
    assert "venue_divergence" in told.minutes[0].warming


def test_an_ordinary_quarter_has_no_divergence():
    assert not stage_told(entries(Plan(900, lag_ms=30, steps=4, trades=2))).signals


def test_a_minute_tells_basis_flow_and_clocks_of_each_venue():
    minute = stage_told(entries(Plan(200))).minutes[1]
    basis, flow = minute.readings["basis"], minute.readings["pair_ofi"]
    assert basis["low_bp"] <= basis["mean_bp"] <= basis["high_bp"]
    assert abs(basis["mean_bp"]) < 1
    assert minute.book_ms == basis["looks"] * 100
    assert flow["binance-usdm_changes"] > 100
    assert minute.readings["pair_clock"] == {
        "binance-usdm_offset_ms": 20,
        "bybit-linear_offset_ms": 35,
    }
    assert minute.start % (60 * NS_PER_S) == 0


def _apart(second: float) -> float:
    return 60 if 150 <= second < 170 else 0


@settings(max_examples=4, deadline=None)
@given(cut=st.integers(1, 4_000), seed=st.integers(0, 3))
def test_a_stage_that_was_stored_and_loaded_goes_on_as_if_nothing_had_been(cut, seed):
    plan = Plan(200, seed=seed, lag_ms=20, apart=_apart, trades=4)
    told = entries(plan)
    straight = stage_told(told)
    first = PairStage(PAIR)
    before = stage_told(told[:cut], first)
    again = PairStage(PAIR, first.checkpoint([Place(7, 8)] * 6))
    assert again.places == [Place(7, 8)] * 6
    after = stage_told(told[cut:], again)
    assert before.minutes + after.minutes == straight.minutes
    assert before.signals + after.signals == straight.signals


def test_a_checkpoint_of_another_version_begins_anew():
    stage = PairStage(PAIR)
    stage_told(entries(Plan(70)), stage)
    kept = msgspec.msgpack.decode(stage.checkpoint([Place(9, 9)] * 6))
    for broken in (msgspec.msgpack.encode(kept | {"version": 0}), b"\xc1", b""):
        assert PairStage(PAIR, broken).places == [Place()] * 6


def test_six_hours_take_no_more_room_than_one():
    stage, sizes, hour = PairStage(PAIR), [], 3600 * NS_PER_S
    told = entries(Plan(120, steps=4, trades=4))
    for number in range(6):
        stage_told((_later(one, number * hour) for one in told), stage)
        sizes.append(len(stage.checkpoint([Place()] * 6)))
    assert sizes[-1] < 1.2 * sizes[0] + 500


def _later(one: Told, by: int) -> Told:
    events = [
        replace(event, exchange_time=event.exchange_time + by, received_at=event.received_at + by)
        for event in one.events
    ]
    return Told(one.stream, one.time + by, events)


@given(st.lists(st.tuples(st.integers(0, 59), st.integers(1, 10**6)), min_size=1))
def test_the_offset_is_the_smallest_delay_of_ten_minutes(pairs):
    clock, seen = ClockOffset(), []
    for minute, delay in sorted(pairs):
        received = BASE + minute * 60 * NS_PER_S
        clock.note(received - delay, received)
        seen.append((minute, delay))
        assert clock.ns == min(kept for when, kept in seen if when > minute - 10)
        assert len(clock.least) <= 10


def test_a_snapshot_without_a_stamp_of_the_venue_says_nothing_of_its_clock():
    clock = ClockOffset()
    clock.note(BASE, BASE)
    assert (clock.ns, clock.least) == (0, {})


def test_like_is_paired_with_like_and_only_where_both_are_there():
    streams = [
        Stream(venue, symbol, kind)
        for venue in (Venue.BINANCE_USDM, Venue.BYBIT_LINEAR, Venue.BYBIT_SPOT)
        for symbol in ("BTCUSDT", "ETHUSDT")
        for kind in (StreamKind.BOOK, StreamKind.TRADES)
        if (venue, symbol) != (Venue.BYBIT_LINEAR, "ETHUSDT")
    ]
    assert pairs_of(streams) == [PAIR]
    assert all(sorted(pair) == list(pair) for pair in LIKE)
    assert PAIR.subject == ("binance-usdm+bybit-linear", "BTCUSDT")


def test_a_finer_grid_in_the_middle_changes_no_figure_but_its_unit():
    plain = entries(Plan(130))
    finer = replace(FIRST, scale_version=2, scale=_tenth(FIRST.scale))
    moved = [one if one.stream != BOOK else _regridded(one, finer) for one in plain]
    before, after = stage_told(plain).minutes[1], stage_told(moved).minutes[1]
    assert after.readings["pair_ofi"]["binance-usdm"] == (
        10 * before.readings["pair_ofi"]["binance-usdm"]
    )
    assert after.readings["basis"] == pytest.approx(before.readings["basis"], abs=1e-3)


def _tenth(scale: Scale) -> Scale:
    return Scale(scale.tick / 10, scale.lot / 10)


def _regridded(one: Told, finer: Instrument) -> Told:
    if one.time < BASE + 30_000 * NS_PER_MS:
        return one
    (event,) = one.events
    if len(event.bids) > 1 and event.bids[-1][1] == 1:
        return one
    sides = [tuple((p * 10, s * 10) for p, s in side) for side in (event.bids, event.asks)]
    return one._replace(events=[replace(event, instrument=finer, bids=sides[0], asks=sides[1])])
