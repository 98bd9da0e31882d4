"""The parts of a pair one by one, at the edges where their rules begin and end."""

from collections.abc import Iterable

import pytest
from two_markets import BASE, BOOK, FIRST, PAIR

from cloud_marketdata.domain.events import (
    BookDelta,
    BookSnapshot,
    StatusEvent,
    StatusKind,
    TradeEvent,
)
from cloud_marketdata.domain.instrument import Instrument, Scale
from cloud_marketdata.domain.values import NS_PER_MS, NS_PER_S, Side, TradeFlag
from cloud_marketdata.processing.pairs.correlogram import Correlogram, lagged
from cloud_marketdata.processing.pairs.divergence import LEAST_LOOKS, Divergence, Found, Look
from cloud_marketdata.processing.pairs.following import Following, Place
from cloud_marketdata.processing.pairs.leg import Leg
from cloud_marketdata.processing.pairs.path import LARGEST_STEP, MOST_STEPS, Path
from cloud_marketdata.storage.ports import Record

LOOK = 100 * NS_PER_MS


def test_steps_a_second_apart_are_compared_and_those_further_apart_are_not():
    one = Path(0, [5_000], [3])
    for distance, inside in ((-1_001, 0), (-1_000, 6), (0, 6), (1_000, 6), (1_001, 0)):
        assert lagged(one, Path(0, [5_000 + distance], [2])).sum() == inside


def test_two_lags_that_mirror_each_other_say_nothing_of_who_leads():
    begins = range(0, 60_000, 3_000)
    first = sorted([*(at + 500 for at in begins), *(at + 1_500 for at in begins)])
    made = Correlogram()
    for _ in range(6):
        made.add(Path(0, first, [9] * len(first)), Path(0, [at + 1_000 for at in begins], [9] * 20))
    estimate = made.estimate()
    assert estimate.z > 6
    assert estimate.lag is None


def test_older_minutes_fade_by_a_sixteenth():
    made = Correlogram()
    made.add(Path(0, [100], [16]), Path(0, [110], [-16]))
    for left in (-256, -240, -225):
        assert made.products[1_010] == left
        made.add(Path(), Path())


def test_a_wild_step_counts_as_the_largest_one_and_one_millisecond_has_one_step():
    path = Path()
    for time, level in ((1, 0), (2, 10**6), (3, 10**6), (4, 10**6 - 5), (4, 10**6 - 12)):
        path.move(time, level)
    assert (path.times, path.steps) == ([2, 4], [LARGEST_STEP, -12])
    path.move(4, -(10**6))
    assert path.steps[-1] == -LARGEST_STEP


def test_a_minute_holds_no_more_steps_than_its_bound_and_counts_the_rest():
    path = Path()
    for at in range(MOST_STEPS + 11):
        path.move(at, at)
    assert (len(path.steps), path.dropped, path.level) == (MOST_STEPS, 10, MOST_STEPS + 10)


@pytest.mark.parametrize(("waits", "fine"), [((2, 40), True), ((100, 100), False), ((0,), False)])
def test_a_book_is_fine_where_its_stamps_can_be_told_apart(waits, fine):
    leg, at = Leg(), 10
    leg.take([_whole(at)])
    for number in range(100):
        at += waits[number % len(waits)]
        leg.take([_book(at, 100, number + 1)])
    assert leg.fine is fine
    leg.turn()
    assert not leg.fine


class Looks:
    """Looks at a baseline that swings by one basis point hundredth, 100 ms apart."""

    def __init__(self) -> None:
        self.divergence = Divergence()
        self.time = BASE
        for at in range(LEAST_LOOKS + 10):
            assert not self.see([10 if at % 2 else -10])
        assert not self.divergence.warming

    def see(self, levels: Iterable[int]) -> list[Found]:
        """Look at the first market standing off by so much."""
        told = []
        for level in levels:
            self.time += LOOK
            told += self.divergence.look(Look(self.time, level, 0, 1e-9))
        return told


# The mean deviation is 10 units, so one standard deviation is 12.5.
BEYOND, BETWEEN = 90, 56


def test_what_is_unusual_but_not_beyond_is_never_told():
    assert not Looks().see([BETWEEN] * 100)


def test_a_row_of_looks_beyond_must_last_a_second():
    looks = Looks()
    assert not looks.see([BEYOND] * 10)
    (found,) = looks.see([BEYOND])
    assert found.detected - found.start == NS_PER_S
    assert found.moved == 0


def test_one_ordinary_look_breaks_the_row():
    looks = Looks()
    assert not looks.see([*[BEYOND] * 10, 0, *[BEYOND] * 10])


def test_a_moment_that_is_not_fresh_breaks_the_row_but_not_the_memory_of_what_was():
    looks = Looks()
    assert not looks.see([BEYOND] * 8)
    looks.divergence.blind()
    assert not looks.see([BEYOND] * 10)
    (found,) = looks.see([BEYOND])
    assert found.moves[0] == pytest.approx((BEYOND - 10) * 1e-3, abs=0.021)


def test_what_is_told_lasts_until_it_is_usual_again():
    looks = Looks()
    (found,) = looks.see([BEYOND] * 12)
    assert not looks.see([BETWEEN] * 50)
    (over,) = looks.see([20])
    assert (over.start, over.end) == (found.start, looks.time)
    assert over.peak_z == pytest.approx(found.z)


def test_a_distance_that_stays_becomes_the_usual_one():
    looks = Looks()
    looks.see([BEYOND] * 12)
    assert looks.see([BEYOND] * 60_000)
    assert looks.divergence.told is None
    assert not looks.see([BEYOND] * 100)


def test_an_entry_is_told_when_the_newest_arrival_is_the_lateness_ahead_of_it():
    following = Following([Place()] * 6, 2 * NS_PER_S)
    for index in range(6):
        following.take(index, [], more=False)

    def arrive(stream: int, position: int, second: float) -> list[int]:
        fact = StatusEvent(PAIR.first, "X", StatusKind.ALIVE, BASE + int(second * NS_PER_S))
        following.take(stream, [Record(position, [fact])], more=False)
        return [told.stream for told in following.release()]

    assert arrive(0, 1, 10.0) == []
    assert arrive(3, 1, 11.9) == []
    # Late, but in time for its place.
    assert arrive(4, 1, 9.95) == []
    assert arrive(3, 2, 12.1) == [4, 0]
    assert arrive(0, 2, 14.0) == [3]


def _book(number: int, bid: int, size: int, instrument: Instrument = FIRST) -> BookDelta:
    time = BASE + number * NS_PER_MS
    return BookDelta(
        instrument, number, number, number - 1, ((bid, size),), (), time, time + NS_PER_MS
    )


def _whole(number: int, instrument: Instrument = FIRST) -> BookSnapshot:
    time = BASE + number * NS_PER_MS
    return BookSnapshot(
        instrument, number, ((100, 5), (50, 1)), ((110, 5), (200, 1)), time, time + NS_PER_MS
    )


def test_flow_is_counted_in_the_finest_lots_of_the_minute_whatever_grid_a_book_is_on():
    finer = Instrument(
        FIRST.venue, FIRST.symbol, Scale(FIRST.scale.tick, FIRST.scale.lot / 10), scale_version=2
    )
    leg = Leg()
    leg.take([_whole(1), _book(2, 100, 8)])
    assert leg.state.ofi == 3
    # The same book on the finer grid: nothing is compared across, and what was counted is ten-fold.
    leg.take([_book(3, 100, 80, finer)])
    assert leg.state.ofi == 30
    leg.take([_book(4, 100, 85, finer)])
    assert leg.state.ofi == 35
    # A collector that begins anew knows nothing of the finer grid yet.
    leg.take([_whole(5), _book(6, 100, 7)])
    assert leg.state.ofi == 55
    assert leg.state.instrument.scale == finer.scale


def test_a_leg_is_not_fresh_while_its_book_is_lost_or_crossed():
    leg = Leg()
    leg.take([_whole(1)])
    now = BASE + 10 * NS_PER_MS
    assert leg.fresh(now)
    leg.take([StatusEvent(FIRST.venue, FIRST.symbol, StatusKind.BOOK_LOST, now)])
    assert not leg.fresh(now)
    leg.take([_whole(3)])
    assert leg.fresh(now)
    leg.take([_book(4, 115, 1)])
    assert not leg.fresh(now)
    leg.take([_book(5, 115, 0)])
    assert leg.fresh(now)
    assert not leg.fresh(now + 600 * NS_PER_MS)


def test_a_tape_moves_by_what_both_sides_paid_and_by_nothing_off_the_book_or_behind_its_time():
    def paid(number: int, side: Side, price: int, ms: int, flags: int = 0) -> TradeEvent:
        time = BASE + ms * NS_PER_MS
        return TradeEvent(
            FIRST, number, price, 1, side, time, time + 7 * NS_PER_MS, number, 1, flags
        )

    leg = Leg()
    leg.take([paid(1, Side.BUY, 600_010, 0), paid(2, Side.SELL, 600_000, 5)])
    level = leg.state.tape.level
    leg.take([paid(3, Side.BUY, 700_000, 6, TradeFlag.BLOCK), paid(4, Side.BUY, 700_000, 4)])
    assert leg.state.tape.level == level
    leg.take([paid(5, Side.SELL, 600_006, 9)])
    # Half of a step of 6 ticks in 600,000 is 5e-6: 50 units of 1e-7.
    assert leg.state.tape.steps == [50]
    assert leg.state.tape.times == [BASE // NS_PER_MS + 9 + 7]
    assert leg.state.trade_id == 5


def test_streams_of_a_pair_are_three_of_each_venue_in_one_order():
    streams = PAIR.streams
    assert [stream.venue for stream in streams] == [PAIR.first] * 3 + [PAIR.second] * 3
    assert streams[BOOK].kind == streams[3 + BOOK].kind == "book"
