"""Buckets by match time: half-open, closed by the watermark, and late trades as revisions."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from worker_tape import BTC, MINUTE, START, S, content, recomputed, trade

from cloud_marketdata.domain.aggregate import Aggregate
from cloud_marketdata.domain.values import Timeframe
from cloud_marketdata.processing.horizons import Horizons
from cloud_marketdata.processing.windows import Windows

LATE = 2 * S


def _minutes(windows) -> dict[int, Aggregate]:
    return {item.start: item for item in windows.held() if item.timeframe is Timeframe.M1}


def test_a_bucket_holds_its_first_nanosecond_and_not_the_first_after_it():
    windows = Windows(LATE)
    times = (START, START + MINUTE - 1, START + MINUTE, START + 2 * MINUTE - 1)
    windows.fold([trade(number, time) for number, time in enumerate(times, 1)], 1)
    assert {start: item.bar.count for start, item in _minutes(windows).items()} == {
        START: 2,
        START + MINUTE: 2,
    }
    seconds = [item.start for item in windows.held() if item.timeframe is Timeframe.S1]
    assert seconds == [START, START + MINUTE - S, START + MINUTE, START + 2 * MINUTE - S]


def test_the_match_time_decides_and_not_when_it_was_received():
    windows = Windows(LATE)
    one = trade(1, START + 5)
    assert Timeframe.M1.floor(one.received_at) != Timeframe.M1.floor(one.exchange_time)
    windows.fold([one], 1)
    assert list(_minutes(windows)) == [START]


def test_a_bucket_closes_when_the_watermark_reaches_its_end():
    windows = Windows(LATE)
    windows.fold([trade(1, START)], 1)
    windows.fold([trade(2, START + MINUTE + LATE - 1)], 2)
    windows.close()
    assert not _minutes(windows)[START].final
    windows.fold([trade(3, START + MINUTE + LATE)], 3)
    assert windows.watermark == START + MINUTE
    windows.close()
    assert {start: item.final for start, item in _minutes(windows).items()} == {
        START: True,
        START + MINUTE: False,
    }


def test_of_a_forgotten_second_nothing_is_needed_and_nothing_is_begun():
    windows = Windows(LATE, newest=START + 9 * MINUTE, horizons=Horizons(seconds=START + MINUTE))
    late = [trade(1, START + S), trade(2, START + MINUTE + S)]
    needed = windows.needed(late)
    assert needed == [
        (Timeframe.S1, START + MINUTE + S),
        (Timeframe.M1, START),
        (Timeframe.M1, START + MINUTE),
    ]
    windows.reopen(Aggregate(BTC, *key) for key in needed)
    windows.fold(late, 1)
    assert [(item.timeframe, item.start) for item in windows.changed()] == needed


def test_what_comes_before_the_horizon_is_left_out_and_the_rest_is_as_it_was():
    windows = Windows(LATE, horizons=Horizons(trades=START + MINUTE))
    trades = [trade(1, START + MINUTE), trade(2, START + MINUTE - 1), trade(3, START + 2 * MINUTE)]
    assert windows.timely(trades) == [trades[0], trades[2]]
    assert windows.timely(trades[:1]) == trades[:1]
    assert windows.timely(trades[1:2]) == []


def test_time_that_is_said_to_have_passed_closes_buckets_and_never_goes_back():
    windows = Windows(LATE)
    windows.fold([trade(1, START)], 1)
    windows.passed(START + MINUTE)
    windows.passed(START)
    assert windows.watermark == START + MINUTE
    windows.close()
    assert all(item.final for item in windows.changed())
    assert windows.unsaved == 2
    windows.saved()
    assert windows.unsaved == 0


def test_the_watermark_never_goes_back():
    windows = Windows(LATE, newest=START + MINUTE)
    windows.fold([trade(1, START + MINUTE - S)], 1)
    assert windows.watermark == START + MINUTE - LATE


def test_a_closed_bucket_leaves_memory_once_it_is_saved_and_an_open_one_stays():
    windows = Windows(LATE)
    windows.fold([trade(1, START), trade(2, START + MINUTE + LATE)], 1)
    windows.close()
    assert len(windows.changed()) == 4
    windows.saved()
    assert windows.changed() == []
    assert list(_minutes(windows)) == [START + MINUTE]


def test_a_late_trade_needs_its_buckets_back_and_makes_a_new_revision():
    windows = Windows(LATE)
    windows.fold([trade(1, START + 5 * S), trade(2, START + 3 * MINUTE)], 1)
    windows.close()
    kept = {(item.timeframe, item.start): item for item in windows.changed()}
    windows.saved()

    late = [trade(3, START + 6 * S)]
    needed = windows.needed(late)
    assert needed == [(Timeframe.S1, START + 6 * S), (Timeframe.M1, START)]
    windows.reopen(kept.get(key) or Aggregate(BTC, *key) for key in needed)
    assert windows.needed(late) == []
    windows.fold(late, 2)
    minute = _minutes(windows)[START]
    assert (minute.final, minute.revision, minute.late, minute.position) == (True, 1, 1, 2)
    tape = [trade(1, START + 5 * S), *late]
    assert content([minute]) == content(recomputed(tape, Timeframe.M1))


def test_late_only_for_its_second_needs_that_second_alone():
    windows = Windows(LATE)
    windows.fold([trade(1, START + 30 * S)], 1)
    assert windows.needed([trade(2, START + 10 * S)]) == [(Timeframe.S1, START + 10 * S)]
    assert windows.needed([trade(2, START + 28 * S)]) == []


def test_an_entry_that_is_inside_already_is_skipped_by_its_position():
    windows = Windows(LATE)
    entry = [trade(1, START), trade(2, START + S)]
    windows.fold(entry, 7)
    once = content(windows.held())
    windows.fold(entry, 7)
    windows.fold([trade(3, START)], 6)
    assert content(windows.held()) == once
    windows.fold([trade(4, START)], 8)
    assert _minutes(windows)[START].bar.count == 3


def test_an_entry_that_returns_to_a_bucket_counts_all_its_trades():
    windows = Windows(LATE)
    windows.fold([trade(1, START), trade(2, START + S), trade(3, START + 1)], 1)
    assert _minutes(windows)[START].bar.count == 3
    seconds = [item.bar.count for item in windows.held() if item.timeframe is Timeframe.S1]
    assert seconds == [2, 1]


@settings(max_examples=60, deadline=None)
@given(
    offsets=st.lists(st.integers(0, 4 * 60), min_size=1, max_size=30),
    cuts=st.lists(st.integers(0, 30), max_size=5),
)
def test_folding_in_any_entries_equals_folding_from_scratch(offsets, cuts):
    tape = [trade(number, START + offset * S) for number, offset in enumerate(offsets, 1)]
    edges = sorted({0, len(tape), *(min(cut, len(tape)) for cut in cuts)})
    windows = Windows(1 << 62)
    for position, (start, end) in enumerate(pairwise(edges), 1):
        windows.fold(tape[start:end], position)
    for timeframe in (Timeframe.S1, Timeframe.M1):
        held = [item for item in windows.held() if item.timeframe is timeframe]
        assert content(held) == content(recomputed(tape, timeframe))
