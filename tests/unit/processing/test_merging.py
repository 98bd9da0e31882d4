"""The order in which a market is told depends on its log and on nothing else."""

from random import Random

from flow_tape import MS, Clerk, Witness, batches, dice, market, streams
from hypothesis import given, settings
from hypothesis import strategies as st
from worker_tape import BTC, START, S, trade

from cloud_marketdata.domain.events import BookDelta, BookSnapshot, StatusEvent, StatusKind
from cloud_marketdata.processing.flow.merging import Merge
from cloud_marketdata.processing.flow.moments import Fold
from cloud_marketdata.processing.flow.offline import Analysed, TapeAnalysis, analyse
from cloud_marketdata.processing.metrics.delta_path import DeltaPath
from cloud_marketdata.storage.ports import Batch, Record, StreamKind

seeds = st.integers(0, 1 << 32)
LATENESS = 2 * S


def _folds() -> list[Fold]:
    return [Witness(), Clerk(), DeltaPath()]


def _read_anyhow(entries: list[Batch], draw: Random) -> Analysed:
    """Read the streams by pages of random lengths, in a random order of turns."""
    unread = streams(entries)
    analysis = TapeAnalysis(BTC, _folds())
    while unread:
        kind = draw.choice(sorted(unread))
        page = draw.randrange(1, 30)
        found, unread[kind] = unread[kind][:page], unread[kind][page:]
        more = len(found) == page
        analysis.take_records(kind, found, more=more)
        if not more:
            del unread[kind]
    return analysis.end()


@settings(max_examples=15, deadline=None)
@given(seeds)
def test_however_the_streams_are_read_the_same_is_told(seed):
    draw = dice(seed)
    entries = batches(market(seed, late=3), draw)
    whole = analyse(BTC, streams(entries), _folds())
    assert len(whole.minutes) >= 2
    assert whole.signals
    assert whole.late == 3
    assert _read_anyhow(entries, draw) == whole


@settings(max_examples=15, deadline=None)
@given(seeds)
def test_who_follows_is_told_what_one_is_told_who_catches_up(seed):
    entries = batches(market(seed, late=3), dice(seed))
    following = TapeAnalysis(BTC, _folds())
    for entry in entries:
        following.take(entry)
    assert following.end() == analyse(BTC, streams(entries), _folds())


@settings(max_examples=15, deadline=None)
@given(seeds)
def test_trades_that_come_in_another_order_within_the_lateness_are_told_alike(seed):
    draw = dice(seed)
    events = market(seed, seconds=70, facts=False)
    moved = sorted(events, key=lambda one: one.exchange_time + draw.randrange(1_900) * MS)
    book = [one for one in events if isinstance(one, BookDelta | BookSnapshot)]
    trades = [one for one in moved if not isinstance(one, BookDelta | BookSnapshot)]
    one = analyse(BTC, streams(batches(events, draw)), [Witness()])
    other = analyse(BTC, streams(batches([*book, *trades], draw)), [Witness()])
    assert other == one


def _merged(*parts: tuple[StreamKind, list, bool]) -> Merge:
    merge = Merge(LATENESS)
    for kind in StreamKind:
        merge.take(kind, [], more=False)
    for kind, events, more in parts:
        merge.take(kind, [Record(n, [one]) for n, one in enumerate(events, 1)], more=more)
    return merge


def _delta(number: int, time: int, came: int | None = None) -> BookDelta:
    return BookDelta(BTC, number, number, None, (), (), time, came or time + MS)


def _fact(at: int) -> StatusEvent:
    return StatusEvent(BTC.venue, BTC.symbol, StatusKind.ALIVE, at)


def test_nothing_is_told_before_the_newest_time_lies_the_lateness_behind_it():
    trades = [trade(1, START), trade(2, START + LATENESS), trade(3, START + LATENESS + 1)]
    released = _merged((StreamKind.TRADES, trades, False)).release(step=1)
    assert released is not None
    assert [one.id for one in released.trades] == [1]


def test_a_silent_stream_holds_nothing_up_and_one_with_unread_entries_does():
    trades = [trade(n, START + n * S) for n in range(10)]
    book = [_delta(1, START + S)]
    silent = _merged((StreamKind.TRADES, trades, False), (StreamKind.BOOK, book, False))
    unread = _merged((StreamKind.TRADES, trades, False), (StreamKind.BOOK, book, True))
    told, held = silent.release(), unread.release()
    assert told is not None
    assert (len(told.trades), len(told.book)) == (7, 1)
    assert held is not None
    assert (len(held.trades), len(held.book)) == (0, 0)


def test_book_changes_keep_their_order_whatever_their_times_say():
    book = [_delta(1, START + 5 * S), _delta(2, START), _delta(3, START + 9 * S)]
    told = _merged((StreamKind.BOOK, book, False)).drain()
    assert [(time, change.last_id) for time, change in told.book] == [
        (START + 5 * S, 1),
        (START + 5 * S, 2),
        (START + 9 * S, 3),
    ]


def test_a_snapshot_without_a_time_of_the_venue_takes_that_of_the_change_after_it():
    came = START + 3600 * S
    snapshot = BookSnapshot(BTC, 1, (), (), came, came)
    merge = _merged()
    merge.take(StreamKind.BOOK, [Record(1, [snapshot, _delta(2, START)])], more=False)
    assert [time for time, _ in merge.drain().book] == [START, START]


def test_a_fact_is_told_at_the_time_of_the_venue_when_it_came():
    # Trades of this tape come an hour after their time, so a fact does too.
    trades = [trade(n, START + n * S) for n in range(10)]
    facts = [_fact(START + 3600 * S + 5 * S)]
    told = _merged((StreamKind.STATUS, facts, False), (StreamKind.TRADES, trades, False)).drain()
    assert [time for time, _ in told.facts] == [START + 5 * S]


def test_where_all_data_are_silent_facts_move_the_time_ten_seconds_behind_them():
    trades = [trade(1, START)]
    facts = [_fact(START + 3600 * S + 60 * S)]
    merge = _merged((StreamKind.STATUS, facts, False), (StreamKind.TRADES, trades, False))
    told = merge.release()
    assert told is not None
    assert (told.upto, len(told.trades)) == (START + 50 * S, 1)


def test_a_trade_behind_its_own_stream_by_more_than_the_lateness_is_late_also_unreleased():
    merge = _merged((StreamKind.TRADES, [trade(1, START + 9 * S), trade(2, START)], True))
    told = merge.release()
    assert told is not None
    assert [one.id for one in told.late] == [2]
    assert told.trades == []


def test_a_stream_that_is_far_ahead_is_not_read_until_the_others_have_come_up():
    merge = Merge(LATENESS, most=5)
    trades = [Record(n, [trade(n, START + n * S)]) for n in range(1, 7)]
    merge.take(StreamKind.TRADES, trades, more=True)
    merge.take(StreamKind.BOOK, [Record(1, [_delta(1, START)])], more=True)
    merge.take(StreamKind.STATUS, [], more=False)
    assert not merge.wants(StreamKind.TRADES)
    assert merge.wants(StreamKind.BOOK)
    merge.take(StreamKind.BOOK, [Record(2, [_delta(2, START + 20 * S)])], more=True)
    assert merge.wants(StreamKind.TRADES)


def test_what_cannot_be_held_is_let_go_early_and_counted():
    merge = Merge(3600 * S, most=5)
    for kind in (StreamKind.STATUS, StreamKind.BOOK):
        merge.take(kind, [], more=False)
    trades = [Record(n, [trade(n, START + n * S)]) for n in range(1, 11)]
    merge.take(StreamKind.TRADES, trades, more=True)
    told = merge.release()
    assert told is not None
    assert len(told.trades) == 5
    assert merge.hurried == 1
