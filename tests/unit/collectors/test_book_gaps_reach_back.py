"""A hole in a book's stream is doubted from the last message before it, also in the ledger."""

import pytest
from frames import AT, depth, intake, js, orderbook, snapshot

from cloud_marketdata.collectors.lanes.intake import Intake
from cloud_marketdata.domain.coverage import CoverageState, Covered, Interval
from cloud_marketdata.domain.events import StatusEvent, StatusKind
from cloud_marketdata.domain.ledger import Ledger
from cloud_marketdata.domain.sheet import Kept
from cloud_marketdata.domain.values import NS_PER_MS, NS_PER_S, Venue
from cloud_marketdata.storage.ports import StreamKind

USDM, LINEAR = Venue.BINANCE_USDM, Venue.BYBIT_LINEAR


def _changes(last: int, previous: int) -> bytes:
    return js(depth(U=previous + 1, u=last, pu=previous))


def _bybit(taking: Intake) -> None:
    """Bring a book for a second, lose a message, and bring the next one a minute later."""
    taking.receive(orderbook("snapshot", 7), AT)
    taking.receive(orderbook("delta", 8), AT + NS_PER_S)
    taking.receive(orderbook("delta", 10), AT + 61 * NS_PER_S)
    taking.receive(orderbook("snapshot", 30), AT + 62 * NS_PER_S)


def _usdm(taking: Intake) -> None:
    """Do the same where a snapshot comes by REST, and the changes have waited for it."""
    taking.receive(_changes(15, 10), AT)
    taking.snapshot("BTCUSDT", snapshot(12))
    taking.receive(_changes(20, 15), AT + NS_PER_S)
    taking.receive(_changes(30, 25), AT + 61 * NS_PER_S)
    taking.snapshot("BTCUSDT", snapshot(28))


def _told(taking: Intake) -> list[StatusEvent]:
    batches = taking.take()
    return [e for stream, events, _ in batches if stream.kind is StreamKind.STATUS for e in events]


@pytest.mark.parametrize(("venue", "bring", "back"), [(LINEAR, _bybit, 62), (USDM, _usdm, 61)])
def test_a_book_gap_takes_the_book_back_to_the_message_before_it(venue, bring, back):
    taking, _ = intake(venue)
    bring(taking)
    facts = _told(taking)

    [gap] = [fact for fact in facts if fact.kind is StatusKind.BOOK_GAP]
    assert gap.detail["since_ms"] == (AT + NS_PER_S) // NS_PER_MS
    assert gap.received_at == AT + 61 * NS_PER_S
    ledger = Ledger(venue, "BTCUSDT", Kept())
    ledger.fold_facts(1, facts)
    complete, doubted, *_ = map(_outline, ledger.intervals(Covered.BOOK))
    assert complete == (CoverageState.COMPLETE, 0, 1)
    assert doubted == (CoverageState.MISSING, 1, back)


def _outline(interval: Interval) -> tuple[CoverageState, float, float]:
    """State, and both ends in seconds since the first message."""
    return interval.state, (interval.start - AT) / NS_PER_S, (interval.end - AT) / NS_PER_S
