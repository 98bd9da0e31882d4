"""What collectors tell becomes intervals: of a book, of a connection, and of gaps without ids."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from ledger_strategies import (
    COMPLETE,
    MISSING,
    REPAIRED,
    UNBROKEN,
    UNKNOWN,
    fact,
    fact_lists,
    ledger,
)

from cloud_marketdata.domain.coverage import Covered
from cloud_marketdata.domain.events import StatusEvent, StatusKind
from cloud_marketdata.domain.facts import AWAY, LOST_MESSAGE
from cloud_marketdata.domain.values import NS_PER_MS, Venue

BYBIT = Venue.BYBIT_LINEAR
STARTED = fact(StatusKind.STARTED, 50)


def alive(ms: int, book: str = "synced", trades: int = 1) -> StatusEvent:
    return fact(StatusKind.ALIVE, ms, book=book, trades=trades)


def synced(ms: int) -> StatusEvent:
    return fact(StatusKind.BOOK_SYNCED, ms, update_id=1)


def told(covered: Covered, *facts: StatusEvent) -> list[tuple[int, int, str, str]]:
    """Return intervals in ms with their state and reason."""
    made = ledger(BYBIT)
    for position, one in enumerate(facts, 1):
        made.fold_facts(position, [one])
    return [
        (i.start // NS_PER_MS, i.end // NS_PER_MS, i.state, i.reason)
        for i in made.intervals(covered)
    ]


def test_a_book_is_complete_from_its_snapshot_to_the_last_word():
    assert told(Covered.BOOK, synced(100), alive(5_100), alive(10_100)) == [
        (100, 10_100, COMPLETE, "")
    ]


def test_a_gap_in_a_book_lasts_until_the_next_snapshot():
    gap = fact(StatusKind.BOOK_GAP, 300, found_at=9)
    assert told(Covered.BOOK, synced(100), gap, alive(350, "buffering"), synced(400)) == [
        (100, 300, COMPLETE, ""),
        (300, 400, MISSING, LOST_MESSAGE),
    ]


def test_a_lost_book_is_cut_back_to_when_it_was_last_heard():
    lost = fact(StatusKind.BOOK_LOST, 9_000, since_ms=4_000, reason="silent")
    assert told(Covered.BOOK, synced(100), alive(5_100), lost) == [
        (100, 4_000, COMPLETE, ""),
        (4_000, 9_000, MISSING, "silent"),
    ]


def test_a_gap_that_grows_into_a_loss_is_one_interval_with_the_last_reason():
    gap = fact(StatusKind.BOOK_GAP, 300, found_at=9)
    lost = fact(StatusKind.BOOK_LOST, 500, since_ms=450, reason="no connection")
    assert told(Covered.BOOK, synced(100), gap, lost, alive(600, "stale"))[1:] == [
        (300, 600, MISSING, "no connection")
    ]


@pytest.mark.parametrize("before", [[], [fact(StatusKind.BOOK_GAP, 300)]])
def test_the_time_before_a_new_start_is_unknown_from_the_last_word_on(before):
    again = fact(StatusKind.STARTED, 8_000)
    facts = [synced(100), alive(200), *before, again, alive(9_000, "init"), synced(9_500)]
    assert told(Covered.BOOK, *facts)[-1] == (300 if before else 200, 9_500, UNKNOWN, AWAY)


def test_nothing_is_known_of_a_book_before_its_first_snapshot():
    assert told(Covered.BOOK, STARTED, alive(90, "init"), synced(100)) == []


def test_a_connection_is_unbroken_while_it_is_said_to_bring_trades():
    assert told(Covered.TRADES, STARTED, alive(100), alive(5_100), alive(5_200, trades=0)) == [
        (100, 5_100, UNBROKEN, "")
    ]


def test_a_lost_connection_is_cut_back_to_when_it_was_last_heard():
    lost = fact(StatusKind.TRADES_LOST, 9_000, since_ms=4_000)
    assert told(Covered.TRADES, alive(100), alive(5_100), lost, alive(20_000), alive(21_000)) == [
        (100, 4_000, UNBROKEN, ""),
        (20_000, 21_000, UNBROKEN, ""),
    ]


def test_a_connection_that_was_lost_before_it_was_trusted_never_was():
    lost = fact(StatusKind.TRADES_LOST, 9_000, since_ms=90)
    assert told(Covered.TRADES, alive(100), alive(5_100), lost) == []


def test_a_new_start_ends_the_connection_at_its_last_word():
    again = fact(StatusKind.STARTED, 60_000)
    assert told(Covered.TRADES, alive(100), alive(5_100), again) == [(100, 5_100, UNBROKEN, "")]


def test_where_ids_prove_everything_a_connection_proves_nothing():
    made = ledger(Venue.BINANCE_USDM)
    made.fold_facts(1, [alive(100), alive(5_100)])
    assert made.intervals(Covered.TRADES) == []


GAP = {"after_id": "a", "before_id": "b", "from_ms": 1_000, "to_ms": 3_000}


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        ([], (1_000, 3_001, UNKNOWN, "")),
        (
            [fact(StatusKind.TRADES_UNREPAIRED, 9_000, **GAP, reason="not proven", filled=4)],
            (1_000, 3_001, UNKNOWN, "not proven"),
        ),
        (
            [fact(StatusKind.TRADES_REPAIRED, 9_000, **GAP, filled=4, reason="by place")],
            (1_000, 3_001, REPAIRED, "by place"),
        ),
        (
            [
                fact(StatusKind.TRADES_UNREPAIRED, 9_000, **GAP, reason="not proven"),
                fact(StatusKind.TRADES_REPAIRED, 19_000, **GAP, filled=4),
            ],
            (1_000, 3_001, REPAIRED, ""),
        ),
    ],
    ids=["found", "not repaired", "repaired", "repaired at last"],
)
def test_a_gap_without_ids_is_unknown_until_it_is_repaired(end, expected):
    assert told(Covered.TRADES, fact(StatusKind.TRADE_GAP, 4_000, **GAP), *end) == [expected]


def test_a_repair_without_ids_says_how_many_trades_came_back():
    made = ledger(BYBIT)
    made.fold_facts(1, [fact(StatusKind.TRADE_GAP, 4_000, **GAP)])
    made.fold_facts(2, [fact(StatusKind.TRADES_REPAIRED, 9_000, **GAP, filled=4)])
    [one] = made.intervals(Covered.TRADES)
    assert (one.trades, one.found_at, one.settled_at) == (4, 4_000 * 10**6, 9_000 * 10**6)


@pytest.mark.parametrize("venue", [BYBIT, Venue.BINANCE_SPOT])
def test_a_doubt_is_unknown_on_every_venue(venue):
    made = ledger(venue)
    doubt = fact(StatusKind.TRADES_DOUBTED, 9_000, from_ms=5, to_ms=7, reason="direction")
    made.fold_facts(1, [doubt])
    [one] = made.intervals(Covered.TRADES)
    assert (one.start, one.end, one.state) == (5 * NS_PER_MS, 8 * NS_PER_MS, UNKNOWN)
    assert one.reason == "direction"


@settings(max_examples=200, deadline=None)
@given(fact_lists())
def test_states_of_a_book_never_overlap(facts):
    made = ledger(BYBIT)
    made.fold_facts(1, facts)
    known = made.intervals(Covered.BOOK)
    assert all(one.end <= two.start for one, two in pairwise(known))
