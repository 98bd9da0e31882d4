"""The desk of a symbol: one book leads, an heir takes over at once, and order is kept."""

from frames import AT, BTC, snapshot, trade
from hypothesis import given
from hypothesis import strategies as st

from cloud_marketdata.collectors.lanes.desk import Desk
from cloud_marketdata.collectors.tapes.strands import Strand
from cloud_marketdata.collectors.tapes.tape import ContiguousTape
from cloud_marketdata.domain.events import BookSnapshot, StatusKind
from cloud_marketdata.storage.ports import StreamKind

MS = AT // 1_000_000


class Line:
    """A lane as the desk sees it."""

    def __init__(self, desk: Desk, at: int = 0) -> None:
        self.desk = desk
        self.book_changed = False
        self.synced = False
        self.synced_at = 0
        self.strand = None
        self.at = at
        desk.join(self)

    def snapshot(self) -> BookSnapshot:
        """Return the book."""
        return snapshot(self.at)

    def tally(self) -> dict[str, int]:
        """Count one duplicate."""
        return {"duplicates": 1}

    def sync(self, at: int = AT) -> None:
        """Come into sync."""
        self.synced, self.synced_at = True, at
        self.desk.synced(self, self.at, AT)

    def lose(self) -> None:
        """Find a hole."""
        self.synced = False
        self.desk.unsynced(self, StatusKind.BOOK_GAP, AT, {"found_at": self.at})

    def leave(self) -> None:
        """Go."""
        self.desk.leave(self, AT, AT)


def desk() -> Desk:
    return Desk(BTC.venue, "BTCUSDT", ContiguousTape())


def facts(one: Desk) -> list[tuple[StatusKind, dict]]:
    found = [batch for batch in one.take() if batch.stream.kind is StreamKind.STATUS]
    return [(fact.kind, fact.detail) for batch in found for fact in batch.events]


def test_the_first_book_in_sync_leads_and_a_second_one_changes_nothing():
    one = desk()
    first, second = Line(one, 5), Line(one, 6)
    first.sync()
    second.sync()
    assert one.leader is first
    assert facts(one) == [(StatusKind.BOOK_SYNCED, {"update_id": 5})]


def test_a_hole_in_a_book_that_does_not_lead_is_no_loss():
    one = desk()
    first, second = Line(one, 5), Line(one, 6)
    first.sync()
    second.sync()
    second.lose()
    assert one.leader is first
    assert [kind for kind, _ in facts(one)] == [StatusKind.BOOK_SYNCED]


def test_an_heir_takes_over_with_a_snapshot_in_the_same_moment():
    one = desk()
    first, second = Line(one, 5), Line(one, 6)
    first.sync()
    second.sync()
    first.lose()
    assert (one.leader, one.speaker, one.switches) == (second, second, 1)
    assert second.book_changed
    assert one.book == [snapshot(6)]
    assert [kind for kind, _ in facts(one)] == [StatusKind.BOOK_SYNCED] * 2


def test_while_an_heir_was_in_sync_all_the_time_nothing_is_told_to_be_lost():
    one = desk()
    first, second = Line(one, 5), Line(one, 6)
    first.sync()
    second.sync(AT - 1)
    first.leave()
    assert [kind for kind, _ in facts(one)] == [StatusKind.BOOK_SYNCED] * 2


def test_an_heir_that_came_into_sync_after_the_leader_was_last_heard_leaves_a_loss_to_tell():
    one = desk()
    first, second = Line(one, 5), Line(one, 6)
    first.sync(AT - 9)
    second.sync(AT + 1)
    first.leave()
    assert [kind for kind, _ in facts(one)] == [
        StatusKind.BOOK_SYNCED,
        StatusKind.BOOK_LOST,
        StatusKind.BOOK_SYNCED,
    ]


def test_of_two_heirs_the_one_that_was_longer_in_sync_leads():
    one = desk()
    first, second, third = (Line(one, number) for number in (5, 6, 7))
    first.sync(AT - 9)
    second.sync(AT + 1)
    third.sync(AT - 1)
    first.leave()
    assert one.leader is third


def test_counts_outlive_their_connections():
    one = desk()
    lines = [Line(one), Line(one)]
    assert one.tally == {"duplicates": 2}
    lines[0].leave()
    assert one.tally == {"duplicates": 2}
    Line(one)
    assert one.tally == {"duplicates": 3}


def test_without_an_heir_the_one_that_lost_its_book_still_speaks_of_it():
    one = desk()
    first, second = Line(one, 5), Line(one, 6)
    first.sync()
    first.lose()
    assert one.leader is None
    assert one.speaker is first
    second.sync()
    assert (one.leader, one.speaker) == (second, second)


def test_trades_are_lost_when_the_last_connection_that_brought_them_goes():
    one = desk()
    lines = [Line(one), Line(one)]
    for line in lines:
        line.strand = Strand(trade(1), trade(2))
    lines[0].leave()
    assert facts(one) == []
    lines[1].leave()
    assert facts(one) == [(StatusKind.TRADES_LOST, {"since_ms": MS})]


def test_a_heartbeat_tells_whether_trades_come_and_how_the_book_stands():
    one = desk()
    line = Line(one, 5)
    one.alive(AT)
    line.strand = Strand(trade(1), trade(2))
    line.sync()
    one.alive(AT)
    assert [detail for kind, detail in facts(one) if kind is StatusKind.ALIVE] == [
        {"trades": 0, "book": "waiting"},
        {"trades": 1, "book": "synced"},
    ]


def test_what_is_taken_leaves_in_the_order_of_its_decision_and_lists_stay_the_lanes_own():
    one = desk()
    held = one.trades
    one.trades += [trade(1), trade(2)]
    [batch] = one.take()
    assert [event.id for event in batch.events] == [1, 2]
    assert one.trades is held
    assert list(one.take()) == []


ACTIONS = st.lists(st.tuples(st.integers(0, 2), st.sampled_from(["sync", "lose", "leave"])))


@given(ACTIONS)
def test_whatever_happens_the_leader_is_in_sync_and_no_synced_book_waits_without_one(actions):
    one = desk()
    lines = {number: Line(one, number) for number in range(3)}
    told = False
    for number, action in actions:
        line = lines[number]
        if action == "leave":
            line.leave()
            lines[number] = Line(one, number)
        elif action == "sync" and not line.synced:
            line.sync()
        elif action == "lose" and line.synced:
            line.lose()
        for kind, _ in facts(one):
            told = kind is StatusKind.BOOK_SYNCED
        assert one.leader is None or one.leader.synced
        assert (one.leader is None) == (not any(line.synced for line in lines.values()))
        assert told == (one.leader is not None), "the last word is always how it stands"
