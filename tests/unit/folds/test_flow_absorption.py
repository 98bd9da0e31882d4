import random

import msgspec
import pytest
from hand_made import (
    BUY,
    HOUR,
    MINUTE,
    SELL,
    START,
    Event,
    S,
    Telling,
    Touch,
    goes_on_after_storing,
    newest,
    order,
)

from cloud_marketdata.domain.signal import SignalState
from cloud_marketdata.processing.detectors.flow_absorption import FlowAbsorption

SECONDS = 900
AFTER = START + SECONDS * S


def responsive(seconds: int, start: int = START, *, touch: bool = True) -> list[Event]:
    """Each second takers press by up to 500 lots, and the price follows with a little noise."""
    rng = random.Random(7)  # noqa: S311  # a seed repeats
    mid, events = 600_000, [Touch(start, 599_999, 600_001)] if touch else []
    for time in range(start, start + seconds * S, S):
        lots = rng.randrange(-500, 501) or 1
        mid += lots // 5 + rng.randrange(-10, 11)
        events.append(order(time + 1, BUY if lots > 0 else SELL, abs(lots), mid))
        if touch:
            events.append(Touch(time + 2, mid - 1, mid + 1))
    return events


BASE = responsive(SECONDS)
LAST = BASE[-1].bid + 1


def pressed(lots: int, moved: int, second: int = 0) -> list[Event]:
    time, side = AFTER + second * S, BUY if lots > 0 else SELL
    mid = LAST + moved
    return [order(time + 1, side, abs(lots), LAST), Touch(time + 2, mid - 1, mid + 1)]


def told(*events: Event):
    return Telling(FlowAbsorption()).tell([*BASE, *events], AFTER + MINUTE).signals


@pytest.mark.parametrize("lots", [490, -490])
def test_flow_that_moves_nothing_is_absorbed(lots):
    opened, resolved = told(*pressed(lots, 0))

    assert (opened.state, resolved.state) == (SignalState.OPEN, SignalState.RESOLVED)
    assert opened.side is (BUY if lots > 0 else SELL)
    assert opened.statistic > opened.threshold == 3
    assert opened.detail["price"] == "mid"
    assert opened.detail["moved_bp"] == 0


@pytest.mark.parametrize(("lots", "moved"), [(490, 98), (-490, -98), (490, 300), (60, 0)])
def test_flow_that_moves_the_price_or_is_small_is_not(lots, moved):
    assert told(*pressed(lots, moved)) == []


def test_a_price_that_goes_against_the_flow_is_worse():
    still, against = told(*pressed(490, 0))[0], told(*pressed(490, -98))[0]

    assert against.statistic > still.statistic


def test_seconds_that_follow_each_other_are_one_absorption():
    events = [event for second in range(4) for event in pressed(490, 0, second)]
    (signal,) = newest(told(*events))

    assert (signal.start, signal.end) == (AFTER, AFTER + 4 * S)
    assert signal.evidence.trades == 4
    assert signal.size == 4 * 490


def test_the_line_is_the_slope_of_the_market():
    telling = Telling(FlowAbsorption()).tell(BASE, AFTER)
    # 0.2 ticks of 0.1 per lot of 0.001 at 60,000, which is 60 quote units, in bp per million.
    assert telling.fold.line.slope == pytest.approx(0.02 / 60_000 * 1e4 / 60e-6, rel=0.05)


def test_absorption_does_not_bend_its_own_line():
    calm, hit = Telling(FlowAbsorption()), Telling(FlowAbsorption())
    calm.tell(BASE, AFTER)
    hit.tell([*BASE, *(e for at in range(20) for e in pressed(499, 0, at))], AFTER + MINUTE)

    assert hit.fold.line.slope == pytest.approx(calm.fold.line.slope, rel=0.1)


def test_without_a_book_the_last_price_stands_for_the_mid():
    base = responsive(SECONDS, touch=False)
    last = base[-1].prices[0][0]
    events = [*base, order(AFTER, BUY, 490, last)]
    signals = Telling(FlowAbsorption()).tell(events, AFTER + MINUTE).signals

    assert [signal.detail["price"] for signal in newest(signals)] == ["last"]


def test_nothing_is_told_before_three_hundred_points():
    base = responsive(250)
    telling = Telling(FlowAbsorption()).tell([*base, order(START + 251 * S, BUY, 500)])

    assert telling.tell([], START + 300 * S).signals == []
    assert telling.fold.warming


def test_what_was_stored_goes_on_as_if_it_had_not_been():
    assert goes_on_after_storing(FlowAbsorption, [*BASE, *pressed(490, 0)], AFTER + MINUTE).signals


def test_a_third_day_needs_no_more_room_than_two():
    telling, sizes = Telling(FlowAbsorption()), []
    for hour in range(72):
        telling.tell(responsive(20, START + hour * HOUR))
        sizes.append(len(msgspec.msgpack.encode(telling.fold)))

    assert max(sizes[48:]) <= max(sizes[:48]) * 1.05
