import math
import random

import msgspec
import pytest
from hand_made import (
    BUY,
    HOUR,
    MS,
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

from cloud_marketdata.domain.signal import Severity
from cloud_marketdata.processing.detectors.archive_fault import ArchiveFault
from cloud_marketdata.processing.detectors.size_tests import BENFORD, above, benford, excess
from cloud_marketdata.processing.detectors.wash_like import WashLike


@pytest.mark.parametrize(("chi", "p"), [(15.507, 0.05), (20.090, 0.01), (26.124, 0.001)])
def test_the_tail_of_chi_square_is_that_of_the_tables(chi, p):
    """Critical values for eight degrees of freedom, as every table has them."""
    # Move counts from the first digit to the second until the statistic is `chi`.
    total = 10**9
    unit = 1 / (total * BENFORD[0]) + 1 / (total * BENFORD[1])
    moved = math.sqrt(chi / unit)
    counts = [total * share for share in BENFORD]
    counts[0], counts[1] = counts[0] - moved, counts[1] + moved

    verdict = benford(counts)

    assert verdict.statistic == pytest.approx(chi, rel=1e-6)
    assert verdict.p == pytest.approx(p, rel=0.01)


@pytest.mark.parametrize(("z", "p"), [(0.0, 0.5), (1.6449, 0.05), (3.0902, 0.001)])
def test_the_tail_of_the_normal_law_is_that_of_the_tables(z, p):
    assert above(z) == pytest.approx(p, rel=1e-3)


@given(st.integers(1, 10**6), st.floats(0.001, 0.999))
def test_what_is_expected_is_as_likely_as_not(total, usual):
    verdict = excess(round(total * usual), total, usual)

    assert verdict.p == pytest.approx(0.5, abs=0.5)
    assert excess(total, total, usual).p <= verdict.p


def test_no_digits_cannot_be_tested():
    with pytest.raises(ValueError, match="no digits"):
        benford([0] * 9)


def trading(
    hour: int, *, orders: int = 900, washed: bool = False, still: bool = False, seed: int = 3
) -> list[Event]:
    """An hour of orders of Benford's sizes; washed, half of them echo a round size at once."""
    rng = random.Random(seed + hour)  # noqa: S311  # a seed repeats
    events, mid, start = [], 600_000, START + hour * HOUR
    for at in range(orders):
        time, side = start + at * 4 * S, rng.choice((BUY, SELL))
        mid += 0 if still else rng.choice((-2, 2))
        events.append(Touch(time, mid - 1, mid + 1))
        lots = int(10 ** rng.uniform(1, 4)) + 1
        if washed and at % 2:
            side, lots = (BUY if at % 4 == 1 else SELL), 500
            echo = order(time + MS, SELL if side is BUY else BUY, lots)
            events += [order(time, side, lots), echo]
        else:
            events.append(order(time, side, lots, mid))
    return events


def hours(*, washed: int = 99, count: int = 8) -> list[Event]:
    return [event for hour in range(count) for event in trading(hour, washed=hour == washed)]


def test_an_hour_of_round_sizes_that_echo_is_told_with_its_chances():
    (signal,) = Telling(WashLike()).tell(hours(washed=7), START + 8 * HOUR).signals

    assert (signal.start, signal.end) == (START + 7 * HOUR, START + 8 * HOUR)
    assert signal.severity is Severity.INFO
    assert set(signal.detail["found"].split(",")) >= {"benford", "round", "echo"}
    assert all(signal.detail[f"{name}_p"] < 0.001 for name in ("benford", "round", "echo"))
    assert "innocent" in signal.detail["meaning"]
    assert signal.evidence.trades == 1350


def test_hours_like_each_other_are_not_told():
    assert Telling(WashLike()).tell(hours(), START + 8 * HOUR).signals == []


def test_one_test_alone_is_not_enough():
    events = [event for hour in range(8) for event in trading(hour, still=hour == 7)]

    assert Telling(WashLike()).tell(events, START + 8 * HOUR).signals == []


@pytest.mark.parametrize("washed", [3, 5])
def test_nothing_is_told_before_six_hours(washed):
    telling = Telling(WashLike()).tell(hours(washed=washed, count=6), START + 6 * HOUR)

    assert telling.signals == []


def test_a_third_day_of_hours_needs_no_more_room_than_two():
    telling, sizes = Telling(WashLike()), []
    for hour in range(72):
        start = START + hour * HOUR
        events = (order(start + at * MS, BUY, 10 + at, first_id=at) for at in range(500))
        telling.tell(events)
        sizes.append(len(msgspec.msgpack.encode(telling.fold)))

    assert max(sizes[48:]) <= max(sizes[:48])


def degenerate(**same: object) -> list[Event]:
    """An hour of 200 orders that vary in everything but what is told to be the same."""
    rng = random.Random(5)  # noqa: S311  # a seed repeats
    events = []
    for at in range(200):
        mid = 600_000 + at
        time = START + at * S + (0 if "time" in same else rng.randrange(1, 999) * MS)
        side = same.get("side", (BUY, SELL)[at % 2])
        lots = same.get("lots", 5 + at)
        events += [
            Touch(START + at * S, mid, mid + 2),
            order(time, side, lots, same.get("price", mid)),
        ]
    return events


@pytest.mark.parametrize(
    ("same", "fault"),
    [
        ({"side": BUY}, "one_side"),
        ({"lots": 7}, "one_size"),
        ({"time": True}, "whole_seconds"),
        ({"price": 600_000}, "one_price"),
    ],
)
def test_a_field_that_does_not_vary_for_an_hour_is_told(same, fault):
    (signal,) = Telling(ArchiveFault()).tell(degenerate(**same), START + HOUR).signals

    assert signal.detail["fault"] == fault
    assert signal.affects
    assert signal.evidence.trades == 200
    assert signal.side is (BUY if fault == "one_side" else None)


def test_an_hour_that_varies_is_not_told():
    assert Telling(ArchiveFault()).tell(degenerate(), START + HOUR).signals == []


def test_a_price_that_stands_still_with_its_book_is_no_fault():
    events = [event for event in degenerate(price=600_000) if not isinstance(event, Touch)]

    assert Telling(ArchiveFault()).tell(events, START + HOUR).signals == []


def test_few_orders_prove_nothing():
    assert Telling(ArchiveFault()).tell(degenerate(side=BUY)[:190], START + HOUR).signals == []


def test_each_hour_is_judged_alone():
    events = [*degenerate(side=BUY), order(START + HOUR - S, SELL, 3)]
    second = [order(START + HOUR + at * S + MS, SELL, 3 + at, 600_000 + at) for at in range(150)]
    telling = Telling(ArchiveFault()).tell([*events, *second], START + 2 * HOUR)

    assert [signal.start for signal in telling.signals] == [START + HOUR]
    assert telling.fold == ArchiveFault()


@pytest.mark.parametrize(
    ("kind", "events"),
    [(ArchiveFault, degenerate(side=BUY)), (WashLike, hours(washed=6, count=7))],
)
def test_what_was_stored_goes_on_as_if_it_had_not_been(kind, events):
    end = events[-1].time // HOUR * HOUR + HOUR

    assert len(goes_on_after_storing(kind, events, end).signals) == 1
