"""The three continuity rules and the states of a book, with events made by hand."""

import pytest
from frames import delta, snapshot

from cloud_marketdata.collectors.lanes import booksync
from cloud_marketdata.collectors.lanes.booksync import BookSync
from cloud_marketdata.collectors.lanes.sequence import BybitRule, SpotRule, UsdmRule, Verdict
from cloud_marketdata.domain.events import BookDelta, BookSnapshot
from cloud_marketdata.storage.ports import BookState

APPLY, IGNORE, GAP = Verdict.APPLY, Verdict.IGNORE, Verdict.GAP
L = 100


@pytest.mark.parametrize(
    ("first", "last", "verdict"),
    [
        (90, 99, IGNORE),
        (90, 100, IGNORE),
        (95, 101, APPLY),  # the snapshot falls inside the event
        (101, 101, APPLY),  # exactly between two events: L == U - 1
        (101, 110, APPLY),
        (102, 110, GAP),
    ],
)
def test_spot_joins_and_follows_by_consecutive_ids(first, last, verdict):
    rule = SpotRule()
    assert rule.join(L, delta(first, last)) is verdict
    assert rule.follow(L, delta(first, last)) is verdict


@pytest.mark.parametrize(
    ("first", "last", "previous", "verdict"),
    [
        (90, 99, 80, IGNORE),  # strictly older than the snapshot
        (90, 100, 80, APPLY),  # ends at u == L and still is the joining event
        (95, 120, 90, APPLY),  # the snapshot falls inside
        (150, 190, 100, APPLY),  # pu == L, although U leaps
        (150, 190, 99, APPLY),  # nothing of this symbol lies between pu and U
        (150, 190, 101, GAP),
        (95, 120, None, APPLY),
        (101, 120, None, GAP),
    ],
)
def test_usdm_joins_by_the_link_to_the_message_before(first, last, previous, verdict):
    assert UsdmRule().join(L, delta(first, last, previous)) is verdict


@pytest.mark.parametrize(
    ("first", "last", "previous", "verdict"),
    [
        (150, 190, 100, APPLY),
        (101, 190, 99, GAP),  # U == L + 1 proves nothing here
        (90, 100, 80, IGNORE),  # a repeat
        (150, 190, 120, GAP),
        (150, 190, None, GAP),
    ],
)
def test_usdm_follows_by_pu_alone(first, last, previous, verdict):
    assert UsdmRule().follow(L, delta(first, last, previous)) is verdict


@pytest.mark.parametrize(
    ("u", "verdict"), [(101, APPLY), (100, IGNORE), (102, GAP), (99, GAP), (7, GAP)]
)
def test_bybit_grows_by_one_and_repeats_only_the_same_u(u, verdict):
    # A lower u is no repeat: a book that ignored it would stand still and be served.
    assert BybitRule().follow(L, delta(u, u)) is verdict


def test_a_spot_book_goes_from_init_over_buffering_to_synced():
    sync = BookSync(SpotRule())
    assert (sync.state, sync.wants_snapshot, sync.pending) == (BookState.INIT, True, 0)
    assert sync.receive(delta(90, 100)) == ()
    assert sync.receive(delta(101, 110, bids=((11, 3),))) == ()
    assert (sync.state, sync.pending, sync.newest_id) == (BookState.BUFFERING, 2, 110)

    applied = sync.receive(snapshot(100))
    assert [type(event) for event in applied] == [BookSnapshot, BookDelta]
    assert (sync.state, sync.pending, sync.wants_snapshot) == (BookState.SYNCED, 0, False)
    assert sync.book.update_id == sync.newest_id == 110
    assert sync.book.best_bid() == (11, 3)
    assert (sync.updates, sync.gaps, sync.resyncs, sync.crossed) == (1, 0, 0, 0)


def test_a_snapshot_newer_than_the_buffer_waits_for_the_next_event():
    sync = BookSync(SpotRule())
    sync.receive(delta(90, 95))
    assert sync.receive(snapshot(100)) == ()
    assert sync.state is BookState.BUFFERING
    assert len(sync.receive(delta(96, 104))) == 2
    assert sync.state is BookState.SYNCED


def test_a_snapshot_older_than_the_buffer_is_asked_for_again_and_the_buffer_stays():
    sync = BookSync(SpotRule())
    sync.receive(delta(90, 95))
    sync.expect_snapshot()
    assert sync.receive(snapshot(50)) == ()
    assert (sync.wants_snapshot, sync.pending) == (True, 1)
    sync.receive(snapshot(92))
    assert (sync.state, sync.book.update_id) == (BookState.SYNCED, 95)


def test_an_expected_snapshot_is_not_wanted_twice_unless_it_fails():
    sync = BookSync(SpotRule())
    sync.receive(delta(90, 95))
    sync.expect_snapshot()
    assert not sync.wants_snapshot
    sync.snapshot_failed()
    assert sync.wants_snapshot
    sync.receive(snapshot(92))
    sync.snapshot_failed()
    assert not sync.wants_snapshot


def test_a_gap_makes_the_book_stale_until_a_snapshot_joins():
    sync = BookSync(SpotRule())
    sync.receive(delta(101, 110))
    sync.receive(snapshot(100))
    assert sync.receive(delta(112, 120)) == ()
    assert (sync.state, sync.book, sync.gaps) == (BookState.STALE, None, 1)
    assert (sync.wants_snapshot, sync.newest_id) == (True, 120)
    assert sync.receive(delta(121, 130)) == ()
    assert [type(event) for event in sync.receive(snapshot(115))] == [
        BookSnapshot,
        BookDelta,
        BookDelta,
    ]
    assert (sync.state, sync.resyncs, sync.book.update_id) == (BookState.SYNCED, 1, 130)


def test_a_hole_inside_the_buffer_is_found_while_joining():
    sync = BookSync(SpotRule())
    sync.receive(delta(101, 110))
    sync.receive(delta(112, 120))
    sync.receive(snapshot(100))
    assert (sync.state, sync.gaps, sync.pending) == (BookState.STALE, 1, 1)
    sync.receive(snapshot(111))
    assert (sync.state, sync.book.update_id) == (BookState.SYNCED, 120)


def test_a_late_snapshot_does_not_touch_a_joined_book():
    sync = BookSync(SpotRule())
    sync.receive(delta(101, 110, bids=((11, 3),)))
    sync.receive(snapshot(100))
    assert sync.receive(snapshot(500, bids=())) == ()
    assert sync.book.update_id == 110


def test_the_joining_event_of_usdm_may_end_at_the_snapshots_id():
    sync = BookSync(UsdmRule())
    sync.receive(delta(90, 100, 85, bids=((12, 9),)))
    sync.receive(delta(481, 490, 100))
    sync.receive(snapshot(100))
    assert (sync.state, sync.gaps, sync.book.update_id) == (BookState.SYNCED, 0, 490)
    assert sync.updates == 2


def test_bybits_snapshot_in_the_stream_starts_over_whatever_was_before():
    sync = BookSync(BybitRule())
    assert sync.receive(snapshot(100)) == (snapshot(100),)
    sync.receive(delta(101, 101))
    assert sync.receive(delta(101, 101)) == ()
    assert sync.updates == 1
    assert sync.receive(delta(103, 103)) == ()
    assert sync.state is BookState.STALE
    assert sync.receive(delta(104, 104)) == ()
    again = snapshot(1, bids=((15, 2),))
    assert sync.receive(again) == (again,)
    assert (sync.state, sync.resyncs, sync.pending) == (BookState.SYNCED, 1, 0)
    assert sync.book.best_bid() == (15, 2)


def test_bybits_snapshot_renews_a_book_in_sync_and_that_is_counted():
    sync = BookSync(BybitRule())
    for event in (snapshot(7), delta(8, 8), snapshot(1), delta(2, 2)):
        sync.receive(event)
    assert (sync.refreshes, sync.gaps, sync.resyncs) == (1, 0, 0)
    assert sync.state is BookState.SYNCED


def test_a_delta_that_comes_twice_is_counted_and_changes_nothing():
    sync = BookSync(BybitRule())
    for event in (snapshot(7), delta(8, 8), delta(8, 8)):
        sync.receive(event)
    assert (sync.repeats, sync.updates, sync.state) == (1, 1, BookState.SYNCED)


def test_the_buffer_is_bounded_and_an_overflow_costs_one_more_snapshot(monkeypatch):
    monkeypatch.setattr(booksync, "_BUFFER_MAX", 3)
    sync = BookSync(SpotRule())
    for at in range(1, 6):
        sync.receive(delta(at, at))
    assert sync.pending == 3
    sync.receive(snapshot(1))
    assert (sync.state, sync.wants_snapshot) == (BookState.BUFFERING, True)
    sync.receive(snapshot(3))
    assert (sync.state, sync.book.update_id, sync.gaps) == (BookState.SYNCED, 5, 0)


def test_a_crossed_book_is_counted():
    sync = BookSync(SpotRule())
    sync.receive(delta(101, 110, bids=((20, 1),)))
    sync.receive(snapshot(100))
    assert (sync.book.crossed, sync.crossed) == (True, 1)
