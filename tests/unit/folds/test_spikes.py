import random
from math import exp, log

import msgspec
import pytest
from hand_made import (
    BUY,
    DAY,
    MINUTE,
    SELL,
    START,
    Event,
    S,
    Telling,
    calm,
    goes_on_after_storing,
    newest,
    order,
)

from cloud_marketdata.domain.signal import SignalState
from cloud_marketdata.processing.detectors.price_spike import PriceSpike
from cloud_marketdata.processing.detectors.season import Season
from cloud_marketdata.processing.detectors.volume_spike import VolumeSpike

AFTER = START + 400 * S
BASE = list(calm(400))


def spiked(kind, *events: Event):
    return Telling(kind()).tell([*BASE, *events], AFTER + MINUTE)


def jump(bp, at=AFTER + S // 2):
    return order(at, BUY if bp > 0 else SELL, 100, round(600_000 * exp(bp / 10_000)))


@pytest.mark.parametrize("bp", [12, 20, 50, -12, -50])
def test_a_jump_within_a_second_is_told_and_then_over(bp):
    signals = spiked(PriceSpike, jump(bp), jump(bp / 3, AFTER + 2 * S)).signals
    (signal,) = newest(signals)[:1]

    assert signals[0].state is SignalState.OPEN
    assert signals[0].end is None
    assert signal.state is SignalState.RESOLVED
    assert (signal.start, signal.detected, signal.end) == (AFTER, AFTER + S, AFTER + S)
    assert signal.side is (BUY if bp > 0 else SELL)
    assert signal.detail["moved_bp"] == pytest.approx(bp, abs=0.2)
    assert signal.evidence.trades == 1


def test_a_jump_that_comes_back_within_the_second_is_told_too():
    (signal,) = newest(spiked(PriceSpike, jump(30), jump(0, AFTER + S - 1)).signals)

    assert signal.detail["moved_bp"] == pytest.approx(30, abs=0.3)


def test_less_than_ten_bp_is_no_spike_however_calm_it_was():
    assert spiked(PriceSpike, jump(9)).signals == []


def test_what_is_usual_for_the_hour_is_no_spike():
    rng = random.Random(6)  # noqa: S311  # a seed repeats
    wild = [
        order(START + at * S, BUY, 100, round(600_000 * exp(rng.gauss(0, 8) / 10_000)))
        for at in range(700)
    ]
    telling = Telling(PriceSpike()).tell(wild, START + 800 * S)

    assert telling.signals == []
    assert telling.fold.returns.count > 600


def test_closely_following_jumps_are_one_spike_and_the_worst_counts():
    jumps = [jump(15), jump(45, AFTER + 3 * S), jump(60, AFTER + 5 * S)]
    told = spiked(PriceSpike, *jumps).signals

    assert [signal.revision for signal in told] == [0, 1, 2]
    assert told[-1].end == AFTER + 6 * S
    assert told[-1].detail["moved_bp"] == pytest.approx(30, abs=0.3)
    assert told[-1].evidence.trades == 3
    assert told[-1].high == jumps[-1].prices[0][0]


def test_the_way_back_is_a_spike_of_its_own():
    up, down = newest(spiked(PriceSpike, jump(20), jump(0, AFTER + 2 * S)).signals)

    assert (up.side, down.side) == (BUY, SELL)
    assert up.state is down.state is SignalState.RESOLVED


@pytest.mark.parametrize("kind", [PriceSpike, VolumeSpike])
def test_nothing_is_told_before_three_hundred_seconds(kind):
    events = [*calm(200), jump(50, START + 200 * S), order(START + 201 * S, BUY, 10**9)]
    telling = Telling(kind()).tell(events, START + 230 * S)

    assert telling.fold.warming
    assert telling.signals == []


def test_where_nothing_ever_moved_half_a_tick_is_the_deviation():
    still = [order(START + at * S, BUY, 5) for at in range(400)]
    (signal,) = newest(Telling(PriceSpike()).tell([*still, jump(11)], AFTER + MINUTE).signals)
    half_a_tick = log(1 + 0.5 / 600_000) * 10_000

    assert signal.statistic == pytest.approx(0.6745 * signal.detail["moved_bp"] / half_a_tick)


def test_a_second_of_hundreds_of_times_the_usual_volume_is_told():
    big = order(AFTER + S // 2, BUY, 400_000)
    (signal,) = newest(spiked(VolumeSpike, big).signals)

    assert signal.statistic > 6
    assert signal.detail["times_usual"] > 500
    assert not signal.detail["seasonal"]
    assert signal.size >= 400_000


@pytest.mark.parametrize("kind", [PriceSpike, VolumeSpike])
def test_nothing_usual_is_a_spike(kind):
    assert Telling(kind()).tell(calm(1800), START + 1800 * S).signals == []


def test_a_market_that_mostly_stands_still_is_no_long_alarm():
    events = [order(START + at * S, BUY, 3 + at % 5) for at in range(0, 1000, 10)]

    assert Telling(VolumeSpike()).tell(events, START + 1000 * S).signals == []


@pytest.mark.parametrize("kind", [PriceSpike, VolumeSpike])
def test_what_was_stored_goes_on_as_if_it_had_not_been(kind):
    planted = [jump(20), jump(60, AFTER + 3 * S), order(AFTER + 4 * S, BUY, 900_000)]
    told = goes_on_after_storing(kind, [*BASE, *planted], AFTER + MINUTE).signals

    assert told


def days_of(value_of, days):
    season = Season()
    for minute in range(days * 1440):
        season.add(START + minute * MINUTE, value_of(minute))
    return season


def test_a_minute_of_the_day_is_what_it_was_on_the_last_seven_days():
    season = days_of(lambda minute: minute % 1440 + minute // 1440, 10)

    assert season.usual(START + 10 * DAY + 700 * MINUTE) == 700 + 6


def test_there_is_no_season_before_seven_days():
    season = days_of(lambda minute: minute, 6)

    assert season.usual(START + 6 * DAY) is None
    assert days_of(lambda minute: minute, 7).usual(START + 7 * DAY) is not None


def test_a_month_of_seasons_needs_no_more_room_than_a_week():
    week, month = (days_of(lambda minute: minute % 997, days) for days in (7, 30))

    assert len(msgspec.msgpack.encode(month)) == pytest.approx(
        len(msgspec.msgpack.encode(week)), rel=0.02
    )


def test_an_hour_that_is_always_busy_is_no_spike_once_its_season_is_known():
    fold = VolumeSpike(season=Season({minute: [12_000] * 7 for minute in range(1440)}))
    events = [order(START + at * S, BUY, 162_000 + at % 9) for at in range(700)]
    telling = Telling(fold).tell([*events, order(START + 700 * S, BUY, 10**9)], START + 720 * S)
    (signal,) = newest(telling.signals)

    assert signal.detail["seasonal"]
    assert signal.start == START + 700 * S


@pytest.mark.parametrize("kind", [PriceSpike, VolumeSpike])
def test_a_few_hours_need_no_more_room_than_two(kind):
    telling, sizes = Telling(kind()), []
    for hour in range(5):
        telling.tell(calm(3600, START + hour * 3600 * S, seed=hour, touch=False))
        sizes.append(len(msgspec.msgpack.encode(telling.fold)))

    # A season grows by the minute of the day until the day is full.
    season = 6 * 60 * 5 if kind is VolumeSpike else 0
    assert sizes[-1] <= sizes[1] * 1.05 + season


def test_a_finer_grid_keeps_the_returns():
    fold = Telling(PriceSpike()).tell(BASE, AFTER).fold
    finer = fold.rescaled(10, 1)

    assert finer.last == 10 * fold.last
    assert finer.returns == fold.returns
