"""Order flow imbalance at the touch and by rank: the formula's laws, the sums, the weights."""

import random
from functools import reduce
from itertools import pairwise

import pytest
from book_tape import MID, MS, SCALE, BookTape, S, busy, ladder
from hypothesis import given
from hypothesis import strategies as st
from msgspec import field

from cloud_marketdata.processing.flow.moments import Fold, Quote, Second
from cloud_marketdata.processing.metrics import ofi, ofi_levels
from cloud_marketdata.processing.metrics.linear_fit import Fit, joined
from cloud_marketdata.processing.metrics.ofi import Ofi, flow
from cloud_marketdata.processing.metrics.ofi_levels import ENOUGH, LEVELS, OfiLevels, Window
from cloud_marketdata.processing.metrics.principal import Products, Weights

levels = st.tuples(st.integers(1, 5), st.integers(0, 9))
pairs = st.lists(st.tuples(st.integers(-99, 99), st.integers(-99, 99)), min_size=1)


class Touches(Fold):
    """Keeps every touch it is shown, and None where nothing may be compared across."""

    name = "touches"
    seen: list = field(default_factory=list)

    def on_book(self, scene, change):
        """Keep the touch."""
        if not hasattr(change, "first_id"):
            self.seen.append(None)
        self.seen.append(scene.quote)
        return ()


def fitted(points) -> Fit:
    return reduce(lambda made, point: made.observed(*point), points, Fit())


@given(levels, levels)
def test_a_repeated_quote_is_no_flow(bid, ask):
    assert flow(bid, ask, bid, ask) == 0


@given(levels, levels, levels, levels)
def test_mirroring_bid_and_ask_turns_the_sign(old_bid, old_ask, new_bid, new_ask):
    straight = flow(old_bid, old_ask, new_bid, new_ask)
    sides = [(-price, lots) for price, lots in (old_ask, old_bid, new_ask, new_bid)]
    assert flow(*sides) == -straight


@given(levels, levels, st.integers(1, 9))
def test_a_better_bid_is_all_of_its_size_and_one_that_leaves_all_of_the_old(bid, ask, step):
    better = (bid[0] + step, bid[1])

    assert flow(bid, ask, better, ask) == better[1]
    assert flow(better, ask, bid, ask) == -better[1]


def test_a_minute_is_the_sum_over_its_pairs_and_skips_the_one_across_a_whole_book():
    fold, touches = Ofi(), Touches()
    readings = [one.readings.get("ofi") for one in busy(400, seed=3).told(fold, touches).minutes]
    seen = touches.seen
    expected = [
        flow(old[1:3], old[3:], new[1:3], new[3:]) for old, new in pairwise(seen) if old and new
    ]

    assert None in seen[10:]
    assert sum(reading["ofi"] for reading in readings if reading) == sum(expected)
    assert sum(reading["changes"] for reading in readings if reading) == sum(
        1 for old, new in pairwise(seen) if old and new and old[1:] != new[1:]
    )


def test_a_whole_book_that_is_told_again_is_compared_with_nothing():
    tape = BookTape().whole(0, [(MID - 1, 10)], [(MID + 1, 30)])
    tape.whole(S, [(MID - 1, 90)], [(MID + 1, 30)]).change(2 * S, [(MID - 1, 91)])
    reading = tape.told(Ofi()).minutes[0].readings["ofi"]

    assert (reading["ofi"], reading["changes"]) == (1, 1)


def test_only_ten_whole_seconds_are_held_against_the_mid():
    scene, quote = None, Quote(0, MID - 1, 10, MID + 1, 10)
    for seconds, pairs in ((10, 1), (70, 0)):
        fold = Ofi(last=quote, begun=2 * MID, begun_at=0)
        nothing = Second((seconds - 1) * S, *[None] * 4, *[0] * 6, None, None, 0, quote, quote)
        fold.on_second(scene, nothing)
        assert fold.fit.pairs == pairs


def test_the_line_is_fitted_through_thousandths_of_the_average_depth():
    quote = Quote(0, MID - 1, 10, MID + 3, 10)
    fold = Ofi(last=quote, begun=2 * MID, window_ofi=100, window_depth=400, window_changes=5)
    fold.on_second(None, Second(9 * S, *[None] * 4, *[0] * 6, None, None, 0, quote, quote))

    assert fold.fit[:3] == (1, 2_500, 2)


def test_the_integrated_imbalance_is_of_its_minute_alone():
    fold = OfiLevels(weights=Weights([0.1] * LEVELS, 0, ENOUGH))
    minutes = busy(300, seed=4, resync=9_999).told(fold).minutes

    assert [one.readings["ofi_levels"]["windows"] for one in minutes] == [5, 6, 6, 6, 6]


def test_the_integrated_imbalance_is_in_mean_depths_of_a_rank_of_one_side():
    fold = OfiLevels(weights=Weights([0.1] * LEVELS, 0, ENOUGH))
    # Five changes of 20 sizes that are 5,000 lots in all: 50 a size.
    fold._observe(Window(0, [100] * LEVELS, 5_000, 5))
    fold._observe(Window(10 * S, [-25] * LEVELS, 5_000, 5))

    assert (fold.integrated, fold.windows) == (2_000 - 500, 2)


def test_average_depth_is_of_one_side_of_the_touch():
    tape = BookTape().whole(0, [(MID - 1, 10)], [(MID + 1, 30)])
    tape.change(S, [(MID - 1, 20)]).change(2 * S, [(MID - 1, 30)])
    told = ofi.described(tape.told(Ofi()).minutes[0].readings["ofi"], SCALE)

    # Pairs of (20, 30) and (30, 30) lots are 27.5 a side; 20 lots came to the bid.
    assert told["average_depth"] == "0.028"
    assert told["ofi"] == "0.02"
    assert told["ofi_per_depth"] == pytest.approx(20 / 27.5)


def test_imbalance_explains_a_price_that_follows_it():
    tape, mid = BookTape().whole(0, [(MID - 1, 50)], [(MID + 1, 50)]), MID
    for step in range(600):
        move = (1, 1, -1)[(step // 70) % 3]
        tape.change(
            step * 500 * MS + MS,
            [(mid - 1, 0), (mid - 1 + move, 50)],
            [(mid + 1, 0), (mid + 1 + move, 50)],
        )
        mid += move
    readings = [one.readings["ofi"] for one in tape.told(Ofi()).minutes]
    told = ofi.described(ofi.merged(readings), SCALE)

    assert told["windows_10s"] >= 25
    assert told["r_squared_10s"] > 0.95


def test_the_best_rank_is_the_imbalance_of_the_touch():
    minutes = busy(300, seed=4).told(Ofi(), OfiLevels()).minutes

    for minute in minutes:
        assert minute.readings["ofi_levels"]["ofi"][0] == minute.readings["ofi"]["ofi"]


def test_ranks_beyond_the_tenth_change_nothing():
    tape = BookTape().whole(0, ladder(MID - 1, -1), ladder(MID + 1, 1))
    tape.change(S, [(MID - 1, 400)])
    for at in range(2, 20):
        tape.change(at * S, [(MID - LEVELS - at, 7)], [(MID + LEVELS + 1, at)])
    reading = tape.told(OfiLevels()).minutes[0].readings["ofi_levels"]

    assert (reading["changes"], reading["ofi"]) == (1, [-100] + [0] * (LEVELS - 1))


@pytest.mark.parametrize("side", ["bids", "asks"])
def test_the_tenth_rank_is_one_of_them(side):
    tape = BookTape().whole(0, ladder(MID - 1, -1), ladder(MID + 1, 1))
    price = MID - LEVELS if side == "bids" else MID + LEVELS
    reading = tape.change(S, **{side: [(price, 600)]}).told(OfiLevels()).minutes[0].readings

    assert reading["ofi_levels"]["ofi"][LEVELS - 1] == (100 if side == "bids" else -100)


def test_a_short_book_has_flow_in_the_ranks_it_has():
    tape = BookTape().whole(0, ladder(MID - 1, -1, 3), ladder(MID + 1, 1, 3))
    reading = tape.change(S, [(MID - 3, 900)]).told(OfiLevels()).minutes[0].readings["ofi_levels"]

    assert reading["ofi"] == [0, 0, 400] + [0] * 7


@given(st.integers(0, 99))
def test_the_first_component_is_the_direction_in_which_all_vary_together(seed):
    rng, products = random.Random(seed), Products(0)  # noqa: S311  # a seed repeats
    direction = [1 + rng.random() for _ in range(LEVELS)]
    for _ in range(300):
        common = rng.gauss(0, 10)
        products.observe([common * one + rng.gauss(0, 0.1) for one in direction])
    weights = products.weights()

    assert sum(abs(one) for one in weights.values) == pytest.approx(1, abs=1e-5)
    for weight, one in zip(weights.values, direction, strict=True):
        assert weight == pytest.approx(one / sum(direction), rel=0.02)


def test_what_never_varied_has_no_weights():
    products = Products(0)
    for _ in range(9):
        products.observe([1.0, 2.0])

    assert products.weights() is None


def test_weights_come_from_the_first_hour_and_then_from_the_day_before():
    fold, day = OfiLevels(), 8_640
    rng = random.Random(1)  # noqa: S311  # a seed repeats
    seen = {}
    for number in range(2 * day):
        flows = [rng.randrange(-50, 51) * (10 if rank < 5 else 1) for rank in range(LEVELS)]
        fold._observe(Window(number * 10 * S, flows, 1_000, 1))
        weights = fold.weights
        seen.setdefault(weights and (weights.since, weights.count), number)
        assert fold.warming is (number < ENOUGH)

    assert seen == {None: 0, (0, ENOUGH): ENOUGH, (0, day): day}


def test_readings_of_different_weights_leave_them_out():
    fold = OfiLevels()
    one, other = (
        minute.readings["ofi_levels"] for minute in busy(119, resync=9_999).told(fold).minutes
    )
    both = ofi_levels.merged([one, {**other, "weights": [0.1] * LEVELS}])

    assert both["weights"] is None
    assert both["ofi"] == [a + b for a, b in zip(one["ofi"], other["ofi"], strict=True)]


@given(pairs, pairs)
def test_fits_are_joined_exactly(first, second):
    assert joined([fitted(first), fitted(second)]) == fitted(first + second)


@given(st.lists(st.integers(-99, 99), min_size=2, unique=True), st.integers(-5, 5))
def test_a_line_is_fitted_exactly(xs, slope):
    made = fitted((x, slope * x + 3) for x in xs)

    assert made.slope == slope
    assert made.r_squared == (1 if slope else None)
