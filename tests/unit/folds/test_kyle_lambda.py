import random

import msgspec
import pytest
from hand_made import (
    BUY,
    MINUTE,
    SCALE,
    SELL,
    START,
    Event,
    S,
    Telling,
    Touch,
    goes_on_after_storing,
    order,
)
from hypothesis import given
from hypothesis import strategies as st

from cloud_marketdata.processing.metrics import kyle_lambda
from cloud_marketdata.processing.metrics.kyle_lambda import KyleLambda

MID = 600_000


def linear_book(minutes: int, per_lot: int, noise: int = 0, seed: int = 1) -> list[Event]:
    """Every second somebody takes up to 50 lots, and the touch moves by `per_lot` ticks for each.

    Nothing moves the price of the orders, so that amount and lots stay in proportion.
    """
    rng = random.Random(seed)  # noqa: S311  # a seed repeats
    mid, events = MID, [Touch(START - S, MID - 1, MID + 1)]
    for time in range(START, START + minutes * MINUTE, S):
        lots = rng.randrange(-50, 51)
        if lots:
            events.append(order(time + 1, BUY if lots > 0 else SELL, abs(lots), MID))
        mid += lots * per_lot + (rng.randrange(-noise, noise + 1) if noise else 0)
        events.append(Touch(time + 2, mid - 1, mid + 1))
    return events


def test_lambda_recovers_the_slope_of_a_linear_book():
    telling = Telling(KyleLambda(), START - S).tell(linear_book(10, 3), START + 10 * MINUTE)
    reading = telling.readings[-1]
    told = kyle_lambda.described(reading, SCALE)

    # 3 ticks of 0.1 for a lot of 0.001 at 60,000: 0.3 per 60 quote units.
    mid = reading["twice_mid"] / 2 * 0.1
    assert told["kyle_lambda_bp_per_million"] == pytest.approx(0.3 / 60 * 1e6 / mid * 1e4)
    assert told["kyle_r_squared"] == pytest.approx(1)
    assert told["kyle_seconds"] == 600


def test_noise_lowers_what_is_explained_and_hardly_the_slope():
    telling = Telling(KyleLambda(), START - S)
    told = kyle_lambda.described(
        telling.tell(linear_book(30, 3, noise=150), START + 30 * MINUTE).readings[-1], SCALE
    )
    mid = telling.readings[-1]["twice_mid"] / 2 * 0.1

    assert told["kyle_lambda_bp_per_million"] * mid / 1e10 == pytest.approx(0.3 / 60, rel=0.1)
    assert 0.3 < told["kyle_r_squared"] < 0.7


def test_the_last_half_hour_counts_and_nothing_before_it():
    steep, flat = linear_book(40, 9), linear_book(40, 2)
    moved = [e._replace(time=e.time + 40 * MINUTE) for e in flat if isinstance(e, Touch)]
    moved += [
        msgspec.structs.replace(e, time=e.time + 40 * MINUTE)
        for e in flat
        if not isinstance(e, Touch)
    ]
    both = [*steep, *sorted(moved, key=lambda e: e.time)[1:]]
    alone = Telling(KyleLambda(), START - S).tell(flat, START + 40 * MINUTE).readings[-1]

    after = Telling(KyleLambda(), START - S).tell(both, START + 80 * MINUTE).readings[-1]

    assert after == alone


def test_seconds_without_a_book_are_left_out():
    events = [e for e in linear_book(5, 3) if not isinstance(e, Touch)]
    telling = Telling(KyleLambda(), START).tell(events, START + 5 * MINUTE)

    assert telling.readings == [None] * 5
    assert telling.fold.warming


def test_no_slope_is_told_from_fewer_than_sixty_seconds():
    reading = {"sums": "59 0 0 100 100 100", "window": "", "twice_mid": 10}

    told = kyle_lambda.described(reading, SCALE)

    assert told["kyle_lambda_bp_per_million"] is None
    assert told["kyle_seconds"] == 59


@given(st.integers(1, 6), st.integers(1, 6))
def test_minutes_merge_in_parts_as_at_once(first, second):
    readings = READINGS[: first + second]
    parts = [kyle_lambda.merged(readings[:first]), kyle_lambda.merged(readings[first:])]

    assert kyle_lambda.merged(parts) == kyle_lambda.merged(readings)


READINGS = (
    Telling(KyleLambda(), START - S).tell(linear_book(12, 3, 9), START + 12 * MINUTE).readings[1:]
)


def test_a_long_bar_has_the_line_of_all_of_its_seconds():
    telling = Telling(KyleLambda(), START - S).tell(linear_book(45, 3), START + 45 * MINUTE)

    told = kyle_lambda.described(kyle_lambda.merged(telling.readings[1:]), SCALE)

    assert told["kyle_seconds"] == 45 * 60


def test_what_was_stored_goes_on_as_if_it_had_not_been():
    events = [e for e in linear_book(3, 3, 9) if e.time >= START]

    goes_on_after_storing(KyleLambda, events, START + 3 * MINUTE)


def test_hours_need_no_more_room_than_half_an_hour():
    telling, sizes = Telling(KyleLambda(), START - S), []
    for part in range(4):
        events = linear_book(31 * (part + 1), 1)
        telling.tell(
            (e for e in events if e.time > telling.second), START + 31 * (part + 1) * MINUTE
        )
        sizes.append(len(msgspec.msgpack.encode(telling.fold)))

    assert max(sizes) <= sizes[0] * 1.1
