"""Trade ids: repeats, holes, late fills."""

import pytest
from frames import AT, trade
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_marketdata.collectors import sequence
from cloud_marketdata.collectors.sequence import (
    FOREIGN,
    NEW,
    REPEATED,
    ContiguousTape,
    SeenTape,
    TradeGap,
)
from cloud_marketdata.domain.values import NS_PER_S


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
        NEW,
        REPEATED,
        NEW,
        NEW,
        NEW,
        REPEATED,
        REPEATED,
    ]
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


def test_more_holes_than_are_remembered_never_admit_a_trade_twice():
    tape = ContiguousTape()
    for number in range(0, 2 * sequence._HOLES_MAX + 20, 2):
        tape.admit(trade(number))
    assert tape.admit(trade(1)) == REPEATED
    assert tape.admit(trade(2 * sequence._HOLES_MAX + 1)) == NEW


def test_named_ids_repeat_when_seen_and_prove_no_gap():
    tape = SeenTape(trade("x"))
    assert tape.admit(trade("x")) == REPEATED
    assert tape.admit(trade("a")) == NEW
    assert tape.admit(trade("a")) == REPEATED
    assert tape.admit(trade("zzz")) == NEW


def test_the_seen_ids_are_bounded_and_the_oldest_make_room(monkeypatch):
    monkeypatch.setattr(sequence, "_IDS_MAX", 3)
    tape = SeenTape()
    for name in "abcd":
        tape.admit(trade(name))
    assert len(tape._seen) == 3
    assert [tape.admit(trade(name)).new for name in "bcd"] == [False] * 3
    assert tape.admit(trade("a")) == NEW


@pytest.mark.parametrize("tape", [ContiguousTape(), SeenTape()])
def test_the_first_trade_of_a_tape_is_new(tape):
    assert tape.admit(trade(5)) == NEW
