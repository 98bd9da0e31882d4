import random
from collections.abc import Sequence
from itertools import pairwise

import msgspec
import pytest
from hand_made import (
    BUY,
    DAY,
    HOUR,
    MINUTE,
    SCALE,
    SELL,
    START,
    S,
    Telling,
    goes_on_after_storing,
    order,
)
from hypothesis import given
from hypothesis import strategies as st

from cloud_marketdata.domain.values import Side
from cloud_marketdata.processing.flow.moments import Cluster
from cloud_marketdata.processing.metrics import vpin
from cloud_marketdata.processing.metrics.vpin import BUCKETS, Vpin

Sized = Sequence[tuple[Side, int]]
orders = st.lists(st.tuples(st.sampled_from(Side), st.integers(1, 400)), min_size=80, max_size=120)


def ready(size: int) -> Vpin:
    return Vpin(size=size, room=size, begun=START, lots=1)


def filled(size: int, taken: Sized) -> Vpin:
    telling = Telling(ready(size))
    telling.tell(order(START + at, side, lots) for at, (side, lots) in enumerate(taken))
    assert isinstance(telling.fold, Vpin)
    return telling.fold


def told(fold: Vpin) -> float:
    reading = fold.reading(Telling(fold).scene)
    assert reading is not None
    return float(vpin.described(vpin.merged([reading]), SCALE)["vpin"])


@given(st.lists(st.integers(1, 400), min_size=1), st.sampled_from(Side))
def test_vpin_is_one_where_all_are_on_one_side(sizes, side):
    fold = filled(7, [(side, lots) for lots in [*sizes, 7 * BUCKETS]])

    assert told(fold) == 1


@given(st.integers(1, 50))
def test_vpin_is_zero_where_every_bucket_is_balanced(half):
    fold = filled(2 * half, [(BUY, half), (SELL, half)] * BUCKETS)

    assert told(fold) == 0


@given(orders, st.data())
def test_vpin_does_not_change_when_an_order_is_cut_in_two(taken, data):
    at = data.draw(st.integers(0, len(taken) - 1))
    side, lots = taken[at]
    part = data.draw(st.integers(0, lots))
    halves = [(side, size) for size in (part, lots - part) if size]
    cut = [*taken[:at], *halves, *taken[at + 1 :]]

    assert msgspec.msgpack.encode(filled(50, cut)) == msgspec.msgpack.encode(filled(50, taken))


@given(orders)
def test_vpin_is_what_the_definition_says_lot_by_lot(taken):
    signs = [1 if side is BUY else -1 for side, lots in taken for _ in range(lots)]
    edges = list(range(0, len(signs) + 1, 50))
    full = [abs(sum(signs[a:b])) for a, b in pairwise(edges)][-BUCKETS:]
    fold = filled(50, taken)

    assert [off for off, _ in fold.full] == full
    if len(full) == BUCKETS:
        assert told(fold) == pytest.approx(sum(full) / (BUCKETS * 50))


def test_nothing_is_told_before_fifty_buckets_are_full():
    fold = filled(10, [(BUY, 10)] * (BUCKETS - 1))

    assert fold.warming
    assert fold.reading(Telling(fold).scene) is None


def minutely(days: float, lots: int) -> list[Cluster]:
    times = range(START, START + int(days * DAY), MINUTE)
    return [order(time, BUY if at % 2 else SELL, lots) for at, time in enumerate(times)]


def test_on_the_first_day_the_pace_so_far_is_the_measure_after_ten_minutes():
    telling = Telling(Vpin()).tell(minutely(0.5, 35), START + 9 * MINUTE)
    assert telling.fold.size == 35 * 1440 // BUCKETS
    early = Telling(Vpin()).tell(minutely(0.5, 35)[:9], START + 9 * MINUTE)
    assert early.fold.size == 0


def test_later_the_day_before_is_the_measure():
    first, second = minutely(1, 35), [order(START + DAY + S, BUY, 7_000_000)]
    telling = Telling(Vpin()).tell([*first, *second], START + DAY + HOUR)

    assert telling.fold.size == 35 * 1440 // BUCKETS


def test_what_was_stored_goes_on_as_if_it_had_not_been():
    rng = random.Random(8)  # noqa: S311  # a seed repeats
    times = sorted(rng.randrange(START, START + HOUR) for _ in range(900))
    taken = [order(t, rng.choice([BUY, SELL]), rng.randrange(1, 500)) for t in times]

    goes_on_after_storing(Vpin, taken, START + HOUR)


def test_a_finer_grid_changes_nothing_but_the_unit():
    taken = [(BUY, 30), (SELL, 21)] * 100
    fine = filled(50, taken).rescaled(10, 1000)

    assert told(fine) == told(filled(50, taken))
    assert fine.size == 50_000


def test_a_week_needs_no_more_room_than_a_day():
    telling, sizes = Telling(Vpin()), []
    for day in range(7):
        moved = [
            order(START + day * DAY + at * 5 * MINUTE, BUY, 35 + at % 100) for at in range(288)
        ]
        telling.tell(moved)
        sizes.append(len(msgspec.msgpack.encode(telling.fold)))

    assert max(sizes[1:]) <= sizes[1] + 20
