"""Trade ids: repeats, holes, late fills."""

from collections import deque

import pytest
from frames import AT, trade
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_marketdata.collectors.tapes import tape as tapes
from cloud_marketdata.collectors.tapes.gaps import TradeGap
from cloud_marketdata.collectors.tapes.tape import (
    FILLED,
    FOREIGN,
    HOLES_MAX,
    NEW,
    REPEATED,
    ContiguousTape,
    Restored,
    SeenTape,
    TapeEnd,
    Tapes,
)
from cloud_marketdata.domain.values import NS_PER_S, Venue


def test_ids_that_grow_by_one_are_new_without_a_gap():
    tape = ContiguousTape()
    assert [tape.admit(trade(number)) for number in (7, 8, 9)] == [NEW, NEW, NEW]


def test_a_hole_tells_its_ends_and_how_many_are_missing():
    tape = ContiguousTape()
    tape.admit(trade(7, time=AT))
    verdict = tape.admit(trade(12, time=AT + 30))
    assert verdict.new
    assert verdict.gap == TradeGap(7, 12, 4, AT, AT + 30)


def test_a_late_trade_fills_its_hole_once():
    tape = ContiguousTape()
    for number in (7, 12):
        tape.admit(trade(number))
    assert [tape.admit(trade(number)) for number in (9, 9, 8, 11, 10, 10, 8)] == [
        FILLED,
        REPEATED,
        FILLED,
        FILLED,
        FILLED,
        REPEATED,
        REPEATED,
    ]
    assert tape.holes == []
    assert tape.admit(trade(13)) == NEW


def test_an_old_id_outside_every_hole_is_a_repeat():
    tape = ContiguousTape()
    tape.admit(trade(7))
    assert tape.admit(trade(7)) == REPEATED
    assert tape.admit(trade(3)) == REPEATED


def test_an_old_id_of_a_young_trade_is_no_repeat_but_of_another_tape():
    tape = ContiguousTape(trade(3_900_000_000, time=AT))
    assert tape.admit(trade(7, time=AT + 61 * NS_PER_S)) == FOREIGN
    assert tape.admit(trade(7, time=AT + 59 * NS_PER_S)) == REPEATED


def test_a_tape_goes_on_behind_the_trade_that_was_stored_last():
    tape = ContiguousTape(trade(7, time=AT))
    assert tape.admit(trade(7)) == REPEATED
    assert tape.admit(trade(9, time=AT + 5)).gap == TradeGap(7, 9, 1, AT, AT + 5)


@settings(max_examples=80, deadline=None)
@given(
    numbers=st.lists(st.integers(0, 30), min_size=1, max_size=40),
)
def test_every_id_is_admitted_at_most_once_and_gaps_count_what_never_came(numbers):
    tape, first = ContiguousTape(), numbers[0]
    admitted, missing = [], 0
    for number in numbers:
        verdict = tape.admit(trade(number))
        admitted += [number] * verdict.new
        missing += verdict.gap.missing if verdict.gap else 0
    from_first = {number for number in numbers if number >= first}
    assert sorted(admitted) == sorted(from_first)
    filled = sum(now < max(admitted[: at + 1]) for at, now in enumerate(admitted))
    assert max(from_first) - first + 1 - len(from_first) == missing - filled


def test_more_holes_than_are_remembered_never_admit_a_trade_twice_and_are_counted():
    tape = ContiguousTape()
    for number in range(0, 2 * HOLES_MAX + 20, 2):
        tape.admit(trade(number))
    assert (len(tape.holes), tape.forgotten) == (HOLES_MAX, 9)
    assert tape.admit(trade(1)) == REPEATED
    assert tape.admit(trade(2 * HOLES_MAX + 1)) == FILLED
    assert [tape.forgot(_gap(at, at + 2)) for at in (0, 16, 18, 20)] == [True, True, False, False]


def _gap(after: int, before: int) -> TradeGap:
    return TradeGap(after, before, before - after - 1, AT, AT)


def test_a_tape_goes_on_with_the_holes_it_was_stored_with():
    tape = ContiguousTape(trade(20), holes=[range(12, 14), range(3, 8)])
    assert [tape.admit(trade(number)) for number in (5, 8, 13, 21)] == [
        FILLED,
        REPEATED,
        FILLED,
        NEW,
    ]
    assert tape.holes == [range(3, 5), range(6, 8), range(12, 13)]
    assert tape.open(_gap(4, 13)) == [range(6, 8), range(12, 13)]
    assert tape.open(_gap(2, 4)) == [range(3, 4)]
    assert tape.open(_gap(14, 20)) == []
    assert [tape.missing(_gap(*ends)) for ends in ((0, 20), (3, 13), (14, 20))] == [5, 4, 0]


def test_a_stored_hole_that_holds_the_newest_trade_is_none():
    assert ContiguousTape(trade(20), holes=[range(3, 5), range(19, 21)]).holes == [range(3, 5)]


def test_a_hole_that_breaks_in_two_counts_as_two():
    tape = ContiguousTape(trade(0))
    for number in range(2, 2 * HOLES_MAX, 2):
        tape.admit(trade(number))
    end = 2 * HOLES_MAX
    tape.admit(trade(end + 9))
    assert (len(tape.holes), tape.forgotten) == (HOLES_MAX, 0)
    tape.fill(trade(end + 3))
    assert (len(tape.holes), tape.forgotten) == (HOLES_MAX, 1)
    assert tape.holes[-1] == range(end + 4, end + 9)


def test_a_mad_id_makes_a_hole_that_can_be_counted():
    tape = ContiguousTape(trade(7))
    tape.admit(trade(10**400))
    gap = tape.admit(trade(10**400 + 1)).gap
    assert gap.missing == tape.missing(gap) == 10**400 - 7
    assert tape.admit(trade(9)) == FILLED


def test_of_the_stored_holes_the_newest_are_kept_too():
    holes = [range(at, at + 1) for at in range(0, 2 * HOLES_MAX + 8, 2)]
    tape = ContiguousTape(trade(9_999), holes=holes)
    assert (len(tape.holes), tape.forgotten) == (HOLES_MAX, 4)
    assert tape.holes[-1] == holes[-1]


def test_what_was_asked_for_fills_holes_and_never_moves_the_end():
    tape = ContiguousTape(trade(7))
    tape.admit(trade(10))
    assert [tape.fill(trade(number)) for number in (8, 8, 7, 11, 3)] == [
        FILLED,
        REPEATED,
        REPEATED,
        REPEATED,
        REPEATED,
    ]
    assert tape.admit(trade(11)) == NEW
    assert tape.last == trade(11)


def test_ids_that_prove_losses_need_no_fear_of_interruptions():
    tape = ContiguousTape(trade(7))
    tape.interrupted()
    assert tape.admit(trade(8)) == NEW


def test_named_ids_repeat_when_seen_and_prove_no_gap():
    tape = SeenTape()
    assert [tape.admit(trade(name)) for name in ("a", "a", "zzz", "a")] == [
        NEW,
        REPEATED,
        NEW,
        REPEATED,
    ]


def test_the_first_new_trade_after_an_interruption_tells_a_gap_once():
    tape, (first, then) = SeenTape(), (trade("a", time=AT), trade("b", time=AT + 30))
    tape.admit(first)
    tape.interrupted()
    verdict = tape.admit(then)
    assert verdict.new
    assert verdict.gap == TradeGap("a", "b", None, AT, AT + 30, (first, then))
    assert tape.admit(trade("c", time=AT + 31)) == NEW


def test_a_gap_begins_at_the_newest_trade_and_never_ends_before_it():
    tape = SeenTape()
    for name, time in (("a", AT), ("c", AT + 9), ("b", AT + 5)):
        tape.admit(trade(name, time=time))
    assert tape.last == trade("c", time=AT + 9)
    tape.interrupted()
    gap = tape.admit(trade("d", time=AT + 7)).gap
    assert (gap.after_id, gap.start, gap.end) == ("c", AT + 9, AT + 9)


def test_before_the_first_trade_nothing_can_be_lost():
    tape = SeenTape()
    tape.interrupted()
    assert tape.admit(trade("a")) == NEW


def test_a_restored_tape_knows_its_repeats_and_fears_what_was_missed():
    stored = [trade("b", time=AT + 1), trade("a", time=AT)]
    assert SeenTape(stored).admit(trade("c", time=AT + 2)).gap.after_id == "b"
    tape = SeenTape(stored)
    assert [tape.fill(stored[0]), tape.fill(trade("x"))] == [REPEATED, FILLED]


def test_an_overlap_proves_that_nothing_was_lost():
    tape = SeenTape([trade("a"), trade("b", time=AT + 1)])
    assert tape.admit(trade("b", time=AT + 1)) == REPEATED
    assert tape.admit(trade("c", time=AT + 2)) == NEW


def test_what_was_asked_for_is_no_overlap():
    tape = SeenTape([trade("a")])
    tape.fill(trade("a"))
    tape.fill(trade("b", time=AT + 1))
    assert tape.admit(trade("c", time=AT + 2)).gap is not None


def test_the_seen_ids_are_bounded_and_the_oldest_make_room(monkeypatch):
    monkeypatch.setattr(tapes, "IDS_MAX", 3)
    tape, late = SeenTape(), tapes.REMEMBERED_NS + 1
    for at, name in enumerate("abcd"):
        tape.admit(trade(name, time=AT + at * late))
    assert [tape.fill(trade(name)).new for name in "bcd"] == [False] * 3
    assert tape.fill(trade("a")) == FILLED
    assert tape.forgotten == 0


def test_ids_of_the_last_minutes_stay_until_there_are_far_too_many(monkeypatch):
    monkeypatch.setattr(tapes, "IDS_MAX", 3)
    monkeypatch.setattr(tapes, "BUSY_IDS_MAX", 6)
    tape = SeenTape()
    for name in "abcdef":
        tape.admit(trade(name))
    assert (tape.admit(trade("a")), tape.forgotten) == (REPEATED, 0)
    for name in "gh":
        tape.admit(trade(name))
    assert tape.forgotten == 2
    assert [tape.fill(trade(name)).new for name in "cdefghab"] == [False] * 6 + [True] * 2


@pytest.mark.parametrize("tape", [ContiguousTape(), SeenTape()])
def test_the_first_trade_of_a_tape_is_new(tape):
    assert tape.admit(trade(5)) == NEW
    assert tape.last == trade(5)


def test_each_symbol_has_the_kind_of_tape_its_venue_allows():
    end = TapeEnd(9, trade(9).exchange_time)
    stored = Restored(end, [range(3, 5)], recent=[trade(7), trade(9), trade(8)])
    contiguous = Tapes(Venue.BINANCE_USDM)
    contiguous.restore("BTCUSDT", stored)
    assert contiguous["BTCUSDT"].last == end
    assert contiguous["BTCUSDT"].holes == [range(3, 5)]
    assert contiguous["ETHUSDT"].last is None
    seen = Tapes(Venue.BYBIT_LINEAR).restore("BTCUSDT", stored)
    assert [seen.admit(trade(number)).new for number in (7, 8, 9)] == [False] * 3


# Two connections to one venue. Each brings what it brings in order; whatever is lost, is lost.
LOSSES = st.sets(st.integers(1, 40), max_size=25)


@settings(max_examples=150, deadline=None)
@given(first=LOSSES, second=LOSSES, turns=st.lists(st.booleans(), min_size=80, max_size=80))
def test_twins_admit_the_union_and_leave_the_holes_of_the_union(first, second, turns):
    lines = [
        deque(number for number in range(1, 41) if number not in lost) for lost in (first, second)
    ]
    brought = {number for line in lines for number in line}
    tape, admitted, told = ContiguousTape(trade(0)), [], set()
    for turn in turns:
        line = lines[turn] or lines[not turn]
        if line:
            number = line.popleft()
            verdict = tape.admit(trade(number))
            admitted += [number] * verdict.new
            if verdict.gap:
                told.update(range(verdict.gap.after_id + 1, verdict.gap.before_id))
            told -= {number} if verdict.filled else set()
    assert sorted(admitted) == sorted(brought)
    never = {number for number in range(1, max(brought, default=0)) if number not in brought}
    assert {number for hole in tape.holes for number in hole} == told == never


def test_one_wild_id_is_refused_and_the_tape_stays_as_keen_as_before():
    tape = ContiguousTape(trade(3))
    assert tape.admit(trade(10**12)).foreign
    assert tape.admit(trade(4)).new
    gap = tape.admit(trade(9)).gap
    assert gap is not None
    assert (gap.after_id, gap.before_id) == (4, 9)


def test_a_leap_that_a_second_trade_continues_is_one_gap():
    tape = ContiguousTape(trade(3))
    assert tape.admit(trade(10**12)).foreign
    gap = tape.admit(trade(10**12 + 1)).gap
    assert gap is not None
    assert (gap.after_id, gap.missing) == (3, 10**12 - 3)
    assert tape.admit(trade(10**12 + 2)).new
