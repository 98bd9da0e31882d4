from decimal import Decimal

import msgspec
import pytest
from hand_made import (
    BUY,
    DAY,
    HOUR,
    MINUTE,
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
from hypothesis import given
from hypothesis import strategies as st

from cloud_marketdata.domain.signal import Severity, SignalKind, SignalState
from cloud_marketdata.processing.detectors.large_trade import LargeTrade
from cloud_marketdata.processing.detectors.sweep import Sweep

BASE = list(calm(900))
AFTER = START + 900 * S
AMOUNTS = sorted(event.quote for event in BASE if not isinstance(event, Touch))


def after_the_base(fold, *events: Event):
    telling = Telling(fold).tell(BASE, AFTER)
    before = len(telling.signals)
    return telling.tell(events, AFTER + MINUTE).signals[before:]


@given(st.integers(1, 10**6))
def test_an_order_is_large_where_its_amount_reaches_the_quantile(lots):
    quantile = AMOUNTS[int(0.999 * (len(AMOUNTS) - 1))]
    told = READY.on_cluster(SCENE, order(AFTER + S, BUY, lots))

    assert bool(told) == (lots * 600_000 >= READY.large)
    assert abs(READY.large - quantile) <= 0.0101 * quantile


READING = Telling(LargeTrade()).tell(BASE, AFTER)
READY, SCENE = READING.fold, READING.scene


def test_a_large_order_is_told_once_with_its_trades_and_is_over():
    (signal,) = after_the_base(LargeTrade(), order(AFTER + S, SELL, 90_000, levels=3, first_id=7))

    assert signal.kind is SignalKind.LARGE_TRADE
    assert (signal.side, signal.size, signal.state) == (SELL, 90_000, SignalState.RESOLVED)
    assert (signal.evidence.first_id, signal.evidence.last_id, signal.evidence.trades) == (7, 9, 3)
    assert (signal.low, signal.high) == (599_998, 600_000)
    assert signal.statistic > signal.threshold == 1.0
    assert signal.detail["amount"] == "5399991"
    assert Decimal(signal.detail["quantile"]) < 5_399_991


def test_what_is_below_the_floor_is_not_large():
    class Floored(LargeTrade):
        floor = Decimal(6_000_000)

    large, larger = order(AFTER + S, BUY, 90_000), order(AFTER + 2 * S, BUY, 110_000)

    assert [signal.size for signal in after_the_base(Floored(), large, larger)] == [110_000]


def test_nothing_is_large_before_a_thousand_orders():
    telling = Telling(LargeTrade()).tell(BASE[:900], START + 250 * S)
    told = telling.tell([order(telling.second, BUY, 10**7)], telling.second + MINUTE).signals

    assert telling.fold.warming
    assert told == []


def test_what_is_large_is_forgotten_after_a_day():
    telling = Telling(LargeTrade()).tell(BASE, AFTER)
    small = (order(START + DAY + at * 10 * S, BUY, 1) for at in range(1500))
    telling.tell(small, START + DAY + 5 * HOUR)

    assert telling.fold.large < AMOUNTS[0]


@pytest.mark.parametrize("kind", [LargeTrade, Sweep])
def test_what_was_stored_goes_on_as_if_it_had_not_been(kind):
    planted = [order(AFTER + at * S, BUY, 90_000, levels=at % 7 + 1) for at in range(1, 30)]
    told = goes_on_after_storing(kind, [*BASE[-1500:], *planted], AFTER + MINUTE).signals

    assert len(told) >= 8


@pytest.mark.parametrize("kind", [LargeTrade, Sweep])
def test_a_week_needs_no_more_room_than_a_day(kind):
    telling, sizes = Telling(kind()), []
    for day in range(7):
        for hour in range(24):
            start = START + day * DAY + hour * HOUR
            telling.tell(calm(30, start, seed=hour, touch=False))
        sizes.append(len(msgspec.msgpack.encode(telling.fold)))

    assert max(sizes[1:]) <= sizes[1] * 1.1


@pytest.mark.parametrize(("levels", "told"), [(1, 0), (4, 0), (5, 1), (20, 1)])
def test_an_order_of_five_prices_is_a_sweep(levels, told):
    signals = Telling(Sweep()).tell([order(START, BUY, 100, levels=levels)]).signals

    assert len(signals) == told
    assert all(signal.severity is Severity.INFO for signal in signals)
    assert all(signal.statistic == levels for signal in signals)


def across(ticks, lots):
    """An order of two prices that ends so many ticks above the best ask."""
    prices = ((600_001, 1), (600_001 + ticks, lots - 1))
    return msgspec.structs.replace(
        order(AFTER + S, BUY, lots), prices=prices, quote=sum(p * q for p, q in prices)
    )


@pytest.mark.parametrize(
    ("ticks", "lots", "told"), [(59, 90_000, 0), (60, 90_000, 1), (60, 20, 0), (200, 90_000, 1)]
)
def test_two_rows_beyond_the_touch_with_a_large_amount_are_a_sweep(ticks, lots, told):
    """A row is half a bp: 30 ticks."""
    signals = after_the_base(Sweep(), Touch(AFTER, 599_999, 600_001), across(ticks, lots))

    assert len(signals) == told
    assert all(signal.severity is Severity.WARN for signal in signals)


def test_without_a_book_an_order_is_measured_from_its_first_price():
    (signal,) = Telling(Sweep()).tell([order(START, SELL, 100, levels=61)]).signals

    assert signal.detail["rows_beyond_touch"] == 2


def test_nothing_usual_is_a_sweep():
    usual = [event for event in BASE if isinstance(event, Touch) or len(event.prices) == 1]

    assert Telling(Sweep()).tell(usual, AFTER).signals == []


def test_baselines_move_to_a_finer_grid():
    telling = Telling(Sweep()).tell(BASE, AFTER)
    finer = telling.fold.rescaled(10, 10)

    assert finer.large == 100 * telling.fold.large
    assert not finer.warming
    assert telling.fold.large == pytest.approx(AMOUNTS[int(0.99 * (len(AMOUNTS) - 1))], rel=0.02)
