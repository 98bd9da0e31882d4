"""What two connections brought of one tape whose ids prove nothing, and what must be feared."""

from itertools import pairwise

import msgspec
from frames import AT, trade
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cloud_marketdata.collectors.tapes import strands
from cloud_marketdata.collectors.tapes.strands import Strand, Strands
from cloud_marketdata.collectors.tapes.tape import ContiguousTape, SeenTape
from cloud_marketdata.domain.events import TradeEvent


def _named(number: int) -> TradeEvent:
    named = trade(f"{number:04}", time=AT + number // 3)
    return msgspec.structs.replace(named, sequence=number << 16)


def _strand(first: int, last: int) -> Strand:
    return Strand(_named(first), _named(last))


def _ends(gaps) -> list[tuple[int, int]]:
    return [(int(gap.after_id), int(gap.before_id)) for gap in gaps]


def test_a_connection_that_began_before_the_lost_one_ended_leaves_nothing_to_fear():
    assert Strands().lose(_strand(3, 6), [_strand(5, 5)]) == []
    assert Strands().lose(_strand(3, 6), [_strand(6, 7)]) == []
    assert Strands().lose(_strand(3, 6), [_strand(7, 9), _strand(1, 2)]) == []


def test_what_lies_between_the_lost_one_and_the_next_is_feared():
    [gap] = Strands().lose(_strand(3, 6), [_strand(9, 9), _strand(8, 12)])
    assert _ends([gap]) == [(6, 8)]
    assert (gap.missing, gap.start, gap.end) == (None, AT + 2, AT + 2)
    assert gap.ends == (_named(6), _named(8))


def test_a_slow_connection_may_still_bring_what_a_quick_one_skipped_until_it_is_lost_too():
    both = Strands()
    assert both.lose(_strand(5, 7), [_strand(1, 2)]) == []
    assert _ends(both.lose(_strand(1, 3), [])) == [(3, 5)]
    both = Strands()
    assert both.lose(_strand(5, 7), [_strand(1, 2)]) == []
    assert _ends(both.lose(_strand(1, 9), [])) == []


def test_a_hole_ends_where_the_next_of_all_connections_begins():
    both = Strands()
    assert both.lose(_strand(6, 7), [_strand(3, 4), _strand(5, 5)]) == []
    assert _ends(both.lose(_strand(3, 4), [_strand(5, 5)])) == [(4, 5)]


def test_to_begin_in_the_match_in_which_another_ended_is_not_to_overlap_it():
    first, second = (msgspec.structs.replace(_named(6), id=name) for name in ("6", "7"))
    [gap] = Strands().lose(Strand(first, first), [Strand(second, second)])
    assert (gap.after_id, gap.before_id) == ("6", "7")


def test_a_stretch_inside_one_match_has_no_hole_of_its_own():
    first, last = (msgspec.structs.replace(_named(6), id=name) for name in ("6", "7"))
    assert Strands().lose(Strand(first, last), []) == []
    assert Strands().lose(Strand(first, last), [Strand(first, first)]) == []


def test_a_tape_is_interrupted_when_its_last_connection_is_lost_and_not_before():
    for others, feared in (([], True), ([_strand(1, 3)], False)):
        tape = SeenTape()
        tape.admit(_named(3))
        assert tape.lost(_strand(3, 3), others) == []
        assert (tape.admit(_named(5)).gap is not None) is feared


def test_more_stretches_than_can_be_kept_are_told_at_once(monkeypatch):
    monkeypatch.setattr(strands, "_KEPT_MAX", 1)
    both = Strands()
    assert both.lose(_strand(5, 7), [_strand(1, 2)]) == []
    assert _ends(both.lose(_strand(9, 10), [_strand(1, 2)])) == [(7, 9)]


def test_ids_that_prove_losses_need_no_stretches():
    assert list(ContiguousTape().lost(_strand(3, 6), [])) == []


class Line:
    """A connection to a venue that numbers its trades: it has all of them from its start on."""

    def __init__(self, start: int) -> None:
        self.next = start
        self.strand: Strand | None = None


class World:
    """Two lines that feed one tape; what comes out is `admitted` and `told`."""

    def __init__(self) -> None:
        self.tape = SeenTape()
        self.lines: dict[int, Line] = {0: Line(1)}
        self.now = self.losses = 0
        self.admitted: list[int] = []
        self.told: list[tuple[int, int]] = []

    def happen(self, _: int) -> None:
        """Let a trade happen."""
        self.now += 1

    def open(self, number: int) -> None:
        """Connect a line."""
        self.lines.setdefault(number, Line(self.now + 1))

    def deliver(self, number: int) -> None:
        """Let a line bring its next trade."""
        line = self.lines.get(number)
        if line is None or line.next > self.now:
            return
        event = _named(line.next)
        line.strand = Strand(line.strand.first if line.strand else event, event)
        verdict = self.tape.admit(event)
        self.admitted += [line.next] * verdict.new
        self.told += _ends([verdict.gap] if verdict.gap else [])
        line.next += 1

    def lose(self, number: int) -> None:
        """Lose a line and all that it has not delivered."""
        line = self.lines.pop(number, None)
        if line is None or line.strand is None:
            return
        self.losses += 1
        others = [other.strand for other in self.lines.values() if other.strand]
        self.told += _ends(self.tape.lost(line.strand, others))


STEPS = {"t": World.happen, "o": World.open, "d": World.deliver, "l": World.lose}


@settings(max_examples=200, deadline=None)
@given(steps=st.lists(st.tuples(st.sampled_from("tddol"), st.integers(0, 1)), max_size=60))
@example(steps=[("t", 0), ("d", 0), ("t", 0), ("o", 1), ("t", 0), ("d", 1), ("l", 0)])
@example(steps=[("t", 0), ("t", 0), ("d", 0), ("o", 1), ("t", 0), ("d", 1), ("l", 1), ("l", 0)])
def test_every_loss_of_two_connections_is_told_and_there_are_no_more_gaps_than_losses(steps):
    world = World()
    for step, number in steps:
        STEPS[step](world, number)
    for number in (0, 1):
        for _ in range(world.now):
            world.deliver(number)
    assert len(set(world.admitted)) == len(world.admitted)
    assert len(world.told) <= world.losses
    missed = {
        number
        for before, after in pairwise(sorted(world.admitted))
        for number in range(before + 1, after)
    }
    assert missed <= {n for after, before in world.told for n in range(after + 1, before)}
