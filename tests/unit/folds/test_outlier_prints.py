import msgspec
import pytest
from hand_made import (
    BUY,
    MINUTE,
    MS,
    SELL,
    START,
    Event,
    S,
    Telling,
    Touch,
    calm,
    goes_on_after_storing,
    order,
)

from cloud_marketdata.domain.events import StatusEvent, StatusKind
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.processing.detectors.outlier_print import MOST_PENDING, OutlierPrint

AT = START + 10 * S
QUOTED = Touch(START, 599_990, 600_010)


def told(*events: Event):
    return Telling(OutlierPrint()).tell([QUOTED, *events], AT + 5 * S).signals


@pytest.mark.parametrize(
    ("price", "count"), [(601_210, 0), (601_211, 1), (598_790, 0), (598_789, 1)]
)
def test_more_than_twenty_bp_outside_of_the_touch_is_told(price, count):
    side = BUY if price > 600_000 else SELL
    signals = told(order(AT, side, 5, price, first_id=77))

    assert len(signals) == count
    assert all(signal.evidence.first_id == 77 for signal in signals)
    assert all(signal.affects == ("high", "low") for signal in signals)
    assert all(signal.start == AT and signal.detected == AT + S for signal in signals)


@pytest.mark.parametrize(("beyond", "count"), [(10_000, 0), (10_001, 1)])
def test_where_the_spread_is_wide_five_of_them_are_the_limit(beyond, count):
    wide = Touch(START + S, 599_000, 601_000)

    assert len(told(wide, order(AT, BUY, 5, 601_000 + beyond))) == count


@pytest.mark.parametrize(("later_ms", "count"), [(1, 0), (400, 0), (700, 1), (-400, 0), (-3000, 1)])
def test_a_price_that_was_quoted_within_half_a_second_is_none(later_ms, count):
    there = [Touch(AT + later_ms * MS, 602_990, 603_010)]
    back = [Touch(AT + later_ms * MS + 50 * MS, 599_990, 600_010)]
    events = sorted([order(AT, BUY, 5, 603_000), *there, *back], key=lambda event: event.time)

    assert len(told(*events)) == count


def test_an_order_that_takes_the_price_with_it_is_none():
    swept = order(AT, BUY, 5000, 600_010, levels=2500)

    assert told(swept, Touch(AT + MS, 602_400, 602_520)) == []
    assert len(told(swept)) == 1


def test_without_a_book_nothing_is_told():
    assert Telling(OutlierPrint()).tell([order(AT, BUY, 5, 900_000)], AT + 5 * S).signals == []


def test_what_waits_while_the_book_is_lost_is_not_judged():
    telling = Telling(OutlierPrint()).tell([QUOTED, order(AT, BUY, 5, 900_000)])
    telling.scene.book = telling.scene.quote = None
    fact = StatusEvent(Venue.BINANCE_USDM, "BTCUSDT", StatusKind.BOOK_LOST, AT)
    telling.fold.on_fact(telling.scene, fact)

    assert telling.tell([], AT + 5 * S).signals == []


def test_what_waits_while_the_touch_is_unknown_is_not_judged():
    telling = Telling(OutlierPrint()).tell([QUOTED, order(AT, BUY, 5, 900_000)])
    telling.scene.quote = None
    telling._call("on_book", None)

    assert telling.tell([], AT + 5 * S).signals == []


def test_of_hundreds_at_once_the_ones_too_many_are_counted():
    many = [order(AT + at, BUY, 5, 900_000, first_id=at) for at in range(MOST_PENDING + 7)]
    signals = told(*many)

    assert len(signals) == MOST_PENDING
    assert signals[-1].detail["unjudged"] == 7


def test_nothing_usual_is_an_outlier():
    assert Telling(OutlierPrint()).tell(calm(600), START + 600 * S).signals == []


def test_what_was_stored_goes_on_as_if_it_had_not_been():
    planted = [order(AT + at * S + 900 * MS, BUY, 5, 650_000) for at in range(5)]
    events = sorted([*calm(60), *planted], key=lambda event: event.time)

    assert len(goes_on_after_storing(OutlierPrint, events, START + MINUTE).signals) == 5


def test_hours_need_no_more_room_than_a_minute():
    telling, sizes = Telling(OutlierPrint()), []
    for hour in range(4):
        telling.tell(calm(600, START + hour * 600 * S))
        sizes.append(len(msgspec.msgpack.encode(telling.fold)))

    assert max(sizes) <= sizes[0] * 1.05
