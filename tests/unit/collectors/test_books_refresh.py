"""A book in sync is renewed by a new snapshot: nothing is missing, and what was wrong shows.

`venue_truth` is the venue's own book, with which every one here must agree.
"""

import pytest
from frames import delta, snapshot
from hypothesis import given
from hypothesis import strategies as st
from venue_truth import Side, Truth

from cloud_marketdata.collectors.lanes import bookrefresh
from cloud_marketdata.collectors.lanes.booksync import BookSync
from cloud_marketdata.collectors.lanes.sequence import BybitRule, SpotRule, UsdmRule
from cloud_marketdata.domain.book import OrderBook
from cloud_marketdata.domain.events import BookDelta, BookSnapshot
from cloud_marketdata.storage.ports import BookState

prices = st.integers(-9, 9).filter(bool)
groups = st.lists(
    st.lists(st.tuples(st.integers(1, 3), prices, st.integers(0, 3)), min_size=1, max_size=4),
    min_size=2,
    max_size=12,
)


@st.composite
def refreshes(draw):
    """Return truth, rule, and when a refresh begins, is answered, and of which id."""
    leap = draw(st.sampled_from([0, 5]))
    truth = Truth(draw(groups), leap)
    begins = draw(st.integers(1, len(truth.deltas)))
    answered = draw(st.integers(begins, len(truth.deltas)))
    return (
        truth,
        UsdmRule() if leap else SpotRule(),
        begins,
        answered,
        draw(st.sampled_from(truth.ids)),
    )


def joined(truth: Truth, rule, levels: int | None = None) -> BookSync:
    """Return a book that joined at the truth's first delta."""
    sync = BookSync(rule, levels)
    sync.receive(truth.deltas[0])
    sync.receive(truth.snapshot(100, levels or 1000))
    assert sync.state is BookState.SYNCED
    return sync


def levels_of(book: OrderBook) -> tuple[Side, Side]:
    """Return all levels inside."""
    return dict(book.bids.sizes), dict(book.asks.sizes)


@given(drawn=refreshes())
def test_a_refreshed_book_is_the_one_that_never_was(drawn):
    truth, rule, begins, answered, at = drawn
    sync, log = joined(truth, rule), []
    for number, event in enumerate(truth.deltas, 1):
        if number > 1:
            log += sync.receive(event)
        if number == begins:
            since = sync.book.update_id
            sync.refresh()
        if number == answered:
            log += sync.receive(truth.snapshot(at))
        assert (sync.state, sync.gaps, sync.updates) == (BookState.SYNCED, 0, number)
        assert sync.book.update_id == event.last_id
        assert levels_of(sync.book) == truth.sides(event.last_id)
    came_that_far = since <= at <= truth.deltas[-1].last_id
    assert (sync.refreshes, sync.refresh_failed) == (came_that_far, at < since)
    assert (sync.refreshing, sync.refresh_different) == (False, 0)
    # Whoever reads the log gets the same book, and meets no hole at the snapshot in it.
    read = OrderBook(truth.snapshot(truth.deltas[0].last_id))
    for event in log:
        if isinstance(event, BookSnapshot):
            assert event.update_id == read.update_id
            read = OrderBook(event)
        else:
            read.apply(event)
    assert levels_of(read) == levels_of(sync.book)


@given(drawn=refreshes(), levels=st.integers(1, 4))
def test_what_a_book_of_few_levels_tells_is_the_venues_own_top(drawn, levels):
    truth, rule, begins, answered, at = drawn
    sync = joined(truth, rule, levels)
    for number, event in enumerate(truth.deltas, 1):
        if number > 1:
            sync.receive(event)
        if number == begins:
            sync.refresh()
        if number == answered:
            sync.receive(truth.snapshot(at, levels))
        bids, asks = sync.book.top(100)
        whole = truth.snapshot(sync.book.update_id)
        assert (bids, asks) == (whole.bids[: len(bids)], whole.asks[: len(asks)])
        for cut, told, side in (
            (sync.book.known_bid, bids, whole.bids),
            (sync.book.known_ask, asks, whole.asks),
        ):
            if cut is None:
                assert told == side
    assert sync.refresh_different == 0


@st.composite
def losses(draw):
    """Return a refresh that joins when it is answered, and a delta before it that gets lost."""
    leap = draw(st.sampled_from([0, 5]))
    truth = Truth(draw(groups), leap)
    begins = draw(st.integers(2, len(truth.deltas)))
    lost = draw(st.integers(2, begins))
    answered = draw(st.integers(begins, len(truth.deltas)))
    since, newest = truth.deltas[begins - 1].last_id, truth.deltas[answered - 1].last_id
    at = draw(st.sampled_from([i for i in truth.ids if since <= i <= newest]))
    return truth, UsdmRule() if leap else SpotRule(), lost, begins, answered, at


@given(drawn=losses())
def test_a_change_that_was_lost_unnoticed_shows_at_the_refresh_and_is_mended(drawn):
    truth, rule, lost, begins, answered, at = drawn
    sync = joined(truth, rule)
    for number, event in enumerate(truth.deltas[:answered], 1):
        # Its ids arrive and its levels do not, which no continuity rule can see.
        hollow = delta(event.first_id, event.last_id, event.previous_id)
        if number > 1:
            sync.receive(hollow if number == lost else event)
        if number == begins:
            sync.refresh()
    now = truth.deltas[answered - 1].last_id
    wrong = levels_of(sync.book) != truth.sides(now)
    sync.receive(truth.snapshot(at))
    assert (sync.gaps, sync.refreshes, sync.refresh_different) == (0, 1, wrong)
    assert levels_of(sync.book) == truth.sides(now)


def spot() -> BookSync:
    """Return a spot book in sync at id 110."""
    sync = BookSync(SpotRule(), 2)
    sync.receive(delta(101, 110))
    sync.receive(snapshot(100, ((10, 1), (8, 1)), ((20, 1), (25, 1))))
    return sync


def test_a_planted_difference_is_counted_and_the_new_book_is_served():
    sync = spot()
    sync.book.bids.apply([(10, 7)])
    sync.refresh()
    assert sync.refreshing
    [told] = sync.receive(snapshot(110, ((10, 1), (8, 1)), ((20, 1), (25, 1))))
    assert (told.bids, told.update_id) == (((10, 1), (8, 1)), 110)
    assert (sync.refreshes, sync.refresh_different, sync.refreshing) == (1, 1, False)
    assert sync.book.best_bid() == (10, 1)


def test_levels_that_only_one_of_the_books_knows_are_no_difference():
    sync = spot()
    sync.receive(delta(111, 111, None, ((9, 1), (3, 5)), ((40, 2),)))
    sync.refresh()
    # The new snapshot knows bids from 9 on and asks up to 30: the old one knew asks up to 25.
    sync.receive(snapshot(111, ((10, 1), (9, 1)), ((20, 1), (25, 1), (30, 4))))
    assert (sync.refreshes, sync.refresh_different) == (1, 0)
    assert (sync.book.known_bid, sync.book.known_ask) == (9, 30)


def test_a_snapshot_ahead_of_the_stream_waits_for_it():
    sync = spot()
    sync.refresh()
    assert sync.receive(snapshot(115, ((11, 1),))) == ()
    assert sync.receive(delta(111, 113, None, ((12, 1),))) != ()
    assert (sync.refreshing, sync.refreshes, sync.book.best_bid()) == (True, 0, (12, 1))
    applied = sync.receive(delta(114, 120, None, ((12, 0), (11, 1))))
    assert [type(event) for event in applied] == [BookDelta, BookSnapshot]
    assert (sync.refreshing, sync.refreshes, sync.book.update_id) == (False, 1, 120)


def test_a_snapshot_from_before_the_refresh_cannot_join_and_changes_nothing():
    sync = spot()
    sync.receive(delta(111, 120, None, ((11, 1),)))
    sync.refresh()
    book = sync.book
    assert sync.receive(snapshot(119)) == ()
    assert (sync.refreshing, sync.refresh_failed, sync.refreshes) == (False, 1, 0)
    assert (sync.state, sync.book, sync.gaps) == (BookState.SYNCED, book, 0)
    # It may be tried again at once.
    sync.refresh()
    sync.receive(snapshot(120, ((11, 1), (10, 1), (8, 1)), ((20, 1), (25, 1))))
    assert (sync.refreshes, sync.refresh_different) == (1, 0)


def test_a_snapshot_nobody_asked_for_leaves_the_book_alone():
    sync = spot()
    book = sync.book
    assert sync.receive(snapshot(110)) == ()
    assert (sync.book, sync.refreshes, sync.refresh_failed) == (book, 0, 0)


def test_a_gap_ends_the_refresh_and_its_snapshot_still_serves_to_join_again():
    sync = spot()
    sync.refresh()
    sync.receive(delta(115, 120))
    assert (sync.state, sync.refreshing, sync.refresh_failed) == (BookState.STALE, False, 1)
    sync.receive(snapshot(116))
    assert (sync.state, sync.resyncs, sync.book.update_id) == (BookState.SYNCED, 1, 120)


def test_a_snapshot_that_does_not_come_ends_the_refresh_and_the_book_stays():
    sync = spot()
    sync.refresh()
    sync.snapshot_failed()
    assert (sync.refreshing, sync.refresh_failed, sync.wants_snapshot) == (False, 1, False)
    assert sync.state is BookState.SYNCED


def test_what_is_kept_for_a_refresh_is_bounded(monkeypatch):
    monkeypatch.setattr(bookrefresh, "_KEPT_MAX", 3)
    sync = spot()
    sync.refresh()
    for at in range(111, 115):
        sync.receive(delta(at, at))
    assert (sync.refreshing, sync.refresh_failed) == (False, 1)
    assert (sync.state, sync.book.update_id) == (BookState.SYNCED, 114)


@pytest.mark.parametrize("rule", [SpotRule(), UsdmRule(), BybitRule()])
def test_a_book_out_of_sync_is_not_refreshed_but_joined(rule):
    sync = BookSync(rule)
    sync.refresh()
    assert (sync.refreshing, sync.refresh_failed) == (False, 0)


def test_where_snapshots_come_in_the_stream_the_next_one_is_the_refresh():
    sync = BookSync(BybitRule())
    sync.receive(snapshot(100))
    sync.refresh()
    assert not sync.refreshing
    assert sync.receive(snapshot(150)) == (snapshot(150),)
    assert (sync.state, sync.refresh_failed) == (BookState.SYNCED, 0)


def test_a_second_refresh_while_one_is_under_way_changes_nothing():
    sync = spot()
    sync.refresh()
    sync.receive(delta(111, 115))
    sync.refresh()
    sync.receive(snapshot(112, ((10, 1), (8, 1)), ((20, 1), (25, 1))))
    assert (sync.refreshes, sync.refresh_failed, sync.refresh_different) == (1, 0, 0)
