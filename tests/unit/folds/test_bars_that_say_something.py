import random
from collections.abc import Sequence

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
    goes_on_after_storing,
    order,
)

from cloud_marketdata.domain.events import StatusEvent, StatusKind
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.processing.detectors.divergence import DeltaDivergence
from cloud_marketdata.processing.detectors.exhaustion import Exhaustion
from cloud_marketdata.processing.metrics.divergence import Divergence

# Buyers thin out into the high at 600,004, and sellers come after it.
RISE = ((BUY, 900, 600_000), (BUY, 500, 600_002), (BUY, 300, 600_003), (BUY, 60, 600_004))
FALL = ((SELL, 400, 600_001),)


def bar(moves: Sequence[tuple], start: int = START) -> list[Event]:
    return [order(start + (at + 1) * S, *move) for at, move in enumerate(moves)]


def mirrored(moves):
    return [(SELL if side is BUY else BUY, lots, 1_200_000 - tick) for side, lots, tick in moves]


def exhausted(moves):
    return Telling(Exhaustion()).tell(bar(moves), START + MINUTE).signals


def test_buyers_that_run_out_into_the_high_are_told_at_the_end_of_the_minute():
    (signal,) = exhausted([*RISE, *FALL])

    assert (signal.side, signal.high, signal.low) == (BUY, 600_004, 600_002)
    assert signal.detected == signal.end == START + MINUTE
    assert (signal.size, signal.evidence.trades) == (60, 5)
    assert signal.detail["delta"] == "1.36"
    assert signal.detail["delta_at_extreme"] == "1.76"


def test_sellers_that_run_out_into_the_low_are_the_mirror():
    (signal,) = exhausted(mirrored([*RISE, *FALL]))

    assert (signal.side, signal.low, signal.high) == (SELL, 599_996, 599_998)


@pytest.mark.parametrize(
    "moves",
    [
        pytest.param(RISE, id="the delta did not turn"),
        pytest.param([*RISE[:3], (BUY, 200, 600_004), *FALL], id="the top row is too large"),
        pytest.param([*RISE[:2], RISE[3], *FALL], id="a row in between is empty"),
        pytest.param([*RISE[:1], (BUY, 100, 600_003), RISE[3], *FALL], id="it grows inwards not"),
    ],
)
def test_less_than_all_of_it_is_no_exhaustion(moves):
    assert exhausted(moves) == []


def test_each_minute_is_judged_alone():
    events = [*bar(RISE), *bar(FALL, START + MINUTE)]

    assert Telling(Exhaustion()).tell(events, START + 2 * MINUTE).signals == []


def hour(minutes: int = 30, seed: int = 1, start: int = START) -> list[Event]:
    """Minutes whose price and delta go up or down together by a little."""
    rng = random.Random(seed)  # noqa: S311  # a seed repeats
    events, price = [], 600_000
    for at in range(start, start + minutes * MINUTE, MINUTE):
        step, lots = rng.choice((-1, 1)) * rng.randrange(5, 16), rng.randrange(50, 151)
        events.append(order(at + S, BUY if step > 0 else SELL, lots, price))
        price = min(600_100, max(599_900, price + step))
        events.append(order(at + 2 * S, BUY if step > 0 else SELL, lots, price))
    return events


BASE = hour()
AFTER = START + 30 * MINUTE


def diverged(*moves: tuple):
    telling = Telling(DeltaDivergence()).tell([*BASE, *bar(moves, AFTER)], AFTER + MINUTE)
    return [signal for signal in telling.signals if signal.start >= AFTER]


@pytest.mark.parametrize(("side", "up"), [(SELL, True), (BUY, False)])
def test_a_bar_far_against_its_delta_is_told(side, up):
    sign = 1 if up else -1
    (signal,) = diverged((side, 900, 600_000), (side, 900, 600_000 + sign * 60))

    assert signal.side is side
    assert signal.statistic >= signal.threshold == 1.5
    assert signal.detail["delta"] == ("-1.8" if up else "1.8")
    assert signal.detail["moved"] == ("6" if up else "-6")
    assert signal.detected == AFTER + MINUTE


@pytest.mark.parametrize(("lots", "ticks"), [(60, 80), (1800, 3), (1800, -80)])
def test_what_does_not_stand_out_or_agrees_is_not_told(lots, ticks):
    assert diverged((SELL, lots, 600_000), (SELL, lots, 600_000 + ticks)) == []


def swung(*, lost: bool = False):
    """A high that buyers make, long selling at a held price, and a higher high on less."""
    moves = [*BASE, *bar([(BUY, 3000, 600_200), (BUY, 10, 600_150)], AFTER)]
    for minute in range(1, 8):
        moves += bar([(SELL, 900, 600_150), (SELL, 900, 600_140)], AFTER + minute * MINUTE)
    end = AFTER + 8 * MINUTE
    telling = Telling(DeltaDivergence()).tell(moves, end)
    if lost:
        fact = StatusEvent(Venue.BINANCE_USDM, "BTCUSDT", StatusKind.TRADE_GAP, end)
        telling.fold.on_fact(telling.scene, fact)
    before = len(telling.signals)
    return telling.tell(bar([(BUY, 50, 600_150), (BUY, 50, 600_260)], end), end + MINUTE).signals[
        before:
    ]


def test_a_higher_high_on_far_less_buying_is_told_since_the_high_before():
    (signal,) = swung()

    assert signal.detail["divergence"] == Divergence.HIGHER_HIGH
    assert (signal.start, signal.side) == (AFTER, SELL)
    assert signal.detail["cvd_change"] == "-12.5"


def test_flow_is_not_compared_across_a_gap_in_the_tape():
    assert swung(lost=True) == []


def test_nothing_is_told_before_twenty_bars():
    events = [*hour(18), *bar([(SELL, 900, 600_000), (SELL, 900, 600_090)], START + 18 * MINUTE)]
    telling = Telling(DeltaDivergence()).tell(events, START + 19 * MINUTE)

    assert telling.signals == []
    assert telling.fold.warming


@pytest.mark.parametrize("kind", [Exhaustion, DeltaDivergence])
def test_what_was_stored_goes_on_as_if_it_had_not_been(kind):
    moves = bar([*RISE, *FALL, (SELL, 5000, 600_000), (SELL, 100, 600_080)], AFTER)
    told = goes_on_after_storing(kind, [*BASE, *moves], AFTER + MINUTE).signals

    assert kind is Exhaustion or told


@pytest.mark.parametrize("kind", [Exhaustion, DeltaDivergence])
def test_hours_need_no_more_room_than_two(kind):
    telling, sizes = Telling(kind()), []
    for part in range(6):
        telling.tell(hour(60, part, START + part * HOUR))
        sizes.append(len(msgspec.msgpack.encode(telling.fold)))

    assert max(sizes[1:]) <= sizes[1] * 1.05
