"""What facts about the streams become: one signal for a loss, told again when it is over."""

import pytest
from feed_scene import AHEAD, BASE, BTC, cluster, copied, fact, happened, scene
from hypothesis import given
from hypothesis import strategies as st

from cloud_marketdata.domain.events import StatusKind
from cloud_marketdata.domain.reconciled import Reconciled, Verdict
from cloud_marketdata.domain.signal import Severity, SignalState
from cloud_marketdata.domain.values import NS_PER_MS
from cloud_marketdata.processing.detectors import trade_gap
from cloud_marketdata.processing.detectors.duplicates import Duplicates
from cloud_marketdata.processing.detectors.kline_mismatch import mismatch_signal
from cloud_marketdata.processing.detectors.sequence_gap import SequenceGap
from cloud_marketdata.processing.detectors.trade_gap import TradeGaps

GAP = {"after_id": 10, "before_id": 15, "missing": 4, "from_ms": 100, "to_ms": 300}


def test_a_lost_book_is_open_until_it_may_be_believed_again():
    fold, here = SequenceGap(), scene()
    (opened,) = happened(fold, here, fact(StatusKind.BOOK_GAP, 500, found_at=77, since_ms=400))
    assert not happened(fold, here, fact(StatusKind.BOOK_LOST, 600, since_ms=400, reason="x"))
    (closed,) = happened(fold, here, fact(StatusKind.BOOK_SYNCED, 1500, update_id=80))

    assert (opened.state, opened.end, opened.revision) == (SignalState.OPEN, None, 0)
    assert (closed.state, closed.revision) == (SignalState.RESOLVED, 1)
    assert closed.id == opened.id
    assert closed.start == BASE + 400 * NS_PER_MS - AHEAD
    assert closed.detected == opened.detected == BASE + 500 * NS_PER_MS - AHEAD
    assert closed.end == BASE + 1500 * NS_PER_MS - AHEAD
    assert closed.detail["cause"] == "book_gap"
    assert closed.detail["lost_ms"] == 1100
    assert not happened(fold, here, fact(StatusKind.BOOK_SYNCED, 1600, update_id=81))


def test_a_gap_that_is_filled_keeps_its_name_and_the_time_it_was_found():
    fold, here = TradeGaps(), scene()
    (opened,) = happened(fold, here, fact(StatusKind.TRADE_GAP, 400, **GAP))
    unrepaired = fact(StatusKind.TRADES_UNREPAIRED, 900, **GAP, reason="away")
    (failed,) = happened(fold, here, unrepaired)
    (filled,) = happened(
        copied(fold), here, fact(StatusKind.TRADES_REPAIRED, 2000, **GAP, filled=4)
    )

    assert {opened.id, failed.id, filled.id} == {opened.id}
    assert [one.revision for one in (opened, failed, filled)] == [0, 1, 2]
    assert [one.state for one in (opened, failed, filled)] == ["open", "open", "resolved"]
    assert failed.severity is Severity.CRITICAL
    assert {one.detected for one in (opened, failed, filled)} == {opened.detected}
    assert (opened.evidence.first_id, opened.evidence.last_id) == (10, 15)
    assert (opened.statistic, filled.detail["filled"]) == (4.0, 4)
    assert opened.affects
    assert not filled.affects


def test_a_doubt_is_told_once_and_names_its_reason():
    (doubt,) = happened(
        TradeGaps(),
        scene(),
        fact(StatusKind.TRADES_DOUBTED, 300, from_ms=100, to_ms=300, reason="tick"),
    )
    assert (doubt.state, doubt.detail["outcome"]) == (SignalState.RESOLVED, "doubted")
    assert doubt.detail["reason"] == "tick"


def test_gaps_that_are_never_filled_take_no_more_room_than_their_bound():
    fold, here = TradeGaps(), scene()
    for at in range(trade_gap.MOST_HELD + 50):
        gap = GAP | {"after_id": at, "before_id": at + 2, "from_ms": at, "to_ms": at + 1}
        happened(fold, here, fact(StatusKind.TRADE_GAP, at, **gap))
    assert len(fold.found) == trade_gap.MOST_HELD


@given(first=st.integers(1, 10**9), ids=st.integers(1, 50), repeats=st.integers(0, 3))
def test_a_taker_order_with_more_trades_than_ids_holds_a_repeat(first, ids, repeats):
    signals = list(Duplicates().on_cluster(scene(), cluster(first, first + ids - 1, ids + repeats)))
    assert [one.detail["repeats"] for one in signals] == ([repeats] if repeats else [])


def test_ids_that_prove_nothing_never_make_a_repeat():
    assert not list(Duplicates().on_cluster(scene(), cluster("a", "b", 7)))


def test_a_mismatch_carries_both_sides_and_an_exact_comparison_resolves_it():
    given = {"close": "1.0", "open": "2"}
    theirs = given | {"close": "1.1"}
    wrong = Reconciled(
        BTC.venue, BTC.symbol, BASE, Verdict.MISMATCH, BASE, ("close",), given, theirs, theirs
    )
    right = Reconciled(BTC.venue, BTC.symbol, BASE, Verdict.EXACT, BASE, revision=1)
    opened, resolved = mismatch_signal(wrong, BTC), mismatch_signal(right, BTC)
    assert opened.id == resolved.id
    assert (opened.state, resolved.state) == (SignalState.OPEN, SignalState.RESOLVED)
    assert (opened.detail["ours_close"], opened.detail["theirs_close"]) == ("1.0", "1.1")
    assert opened.detail["refetched_close"] == "1.1"
    assert opened.affects == ("close",)


def test_a_mismatch_is_critical_unless_trades_must_be_feared_to_be_missing_anyway():
    wrong = Reconciled(BTC.venue, BTC.symbol, BASE, Verdict.MISMATCH, BASE, ("close",))
    news, no_news = mismatch_signal(wrong, BTC), mismatch_signal(wrong, BTC, whole=False)
    assert (news.severity, no_news.severity) == (Severity.CRITICAL, Severity.INFO)
    assert (news.detail["whole"], no_news.detail["whole"]) == (True, False)


@pytest.mark.parametrize("verdict", [Verdict.PENDING, Verdict.UNAVAILABLE])
def test_what_was_not_compared_is_no_mismatch(verdict):
    with pytest.raises(ValueError, match="no mismatch"):
        mismatch_signal(Reconciled(BTC.venue, BTC.symbol, BASE, verdict, BASE), BTC)
