"""A ledger is a function of the log: any stops, any order of its two streams, any late fill."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_strategies import (
    BTC,
    COMPLETE,
    MISSING,
    MOST,
    REPAIRED,
    Stored,
    at,
    brute,
    entries,
    fact,
    fact_lists,
    id_orders,
    ledger,
    time_of,
    told,
    trade,
)

from cloud_marketdata.domain import facts, idruns
from cloud_marketdata.domain.coverage import CoverageState, Covered
from cloud_marketdata.domain.events import StatusKind
from cloud_marketdata.domain.ledger import Hole, Ledger
from cloud_marketdata.domain.sheet import Kept, Layer, Marks, Row
from cloud_marketdata.domain.values import NS_PER_MS, Venue

law = settings(max_examples=150, deadline=None)
cuts = st.lists(st.integers(0, MOST), max_size=8)
acts = st.lists(st.sampled_from(["trades", "facts", "save", "crash"]), max_size=60)
venues = st.sampled_from([BTC.venue, Venue.BYBIT_LINEAR])


@law
@given(id_orders(), cuts)
def test_holes_and_late_fills_in_any_order_are_those_of_the_id_set(order, edges):
    made = ledger()
    for position, entry in enumerate(entries(order, edges), 1):
        made.fold_trades(position, entry)

    assert told(made) == brute(order)
    gone = {n for n in range(min(order, default=0), max(order, default=0)) if n not in order}
    assert {number for hole in made.missing() for number in hole.ids} == gone


class Log:
    """Entries of trades and of facts, each with its position."""

    def __init__(self, trades, facts) -> None:
        self.trades = list(enumerate(trades, 1))
        self.facts = list(enumerate(([one] for one in facts), 1))

    def fold(self, made: Ledger, act: str) -> None:
        """Fold the next entry of one stream, and the one before it once more."""
        entries, fold, done = (
            (self.trades, made.fold_trades, made.trades_at)
            if act == "trades"
            else (self.facts, made.fold_facts, made.status_at)
        )
        for position, entry in entries[max(0, done - 1) : done + 1]:
            fold(position, entry)

    def folded(self, venue: Venue) -> Ledger:
        """Return a ledger of everything that never stopped."""
        made = ledger(venue)
        for act in ["trades"] * len(self.trades) + ["facts"] * len(self.facts):
            self.fold(made, act)
        return made


@law
@given(id_orders(), cuts, fact_lists(), acts, venues)
def test_a_ledger_that_stopped_anywhere_equals_one_that_never_did(order, edges, told_of, plan, v):
    """Its two streams are read in any order, and entries may come again as after a crash."""
    log = Log(entries(order, edges), told_of)
    once, stopped = Stored(), Stored()
    once.save(log.folded(v))

    made = stopped.restarted(v)
    rest = ["facts"] * len(log.facts) + ["trades"] * len(log.trades)
    for act in [*plan, "crash", *rest, "save"]:
        if act == "save":
            stopped.save(made)
        elif act == "crash":
            made = stopped.restarted(v)
        else:
            log.fold(made, act)

    _open_repairs_touch_an_open_hole(stopped)
    assert stopped.marks == once.marks
    assert stopped.rows == once.rows
    for covered in Covered:
        assert stopped.whole(v).intervals(covered) == log.folded(v).intervals(covered)


@pytest.mark.parametrize("crash", [False, True], ids=["at hand", "read anew"])
def test_a_gap_that_opens_again_was_found_when_it_was_told_again(crash):
    detail = {"from_ms": 1_000, "to_ms": 1_000, "after_id": 0, "before_id": 9, "filled": 8}
    kinds = (StatusKind.TRADE_GAP, StatusKind.TRADES_REPAIRED, StatusKind.TRADE_GAP)
    log = Log([], [fact(kind, 1_000 * n, **detail) for n, kind in enumerate(kinds, 1)])
    stored, made = Stored(), ledger()
    for number in range(len(kinds)):
        log.fold(made, "facts")
        if crash and number == 1:
            stored.save(made)
            made = stored.restarted(BTC.venue)
    stored.save(made)

    (gap,) = stored.rows.values()
    assert gap.found_at == 3_000 * NS_PER_MS


def _open_repairs_touch_an_open_hole(stored: Stored) -> None:
    rows = [row for row in stored.rows.values() if row.open and row.layer is Layer.TAPE]
    edges = {edge for row in rows if row.state is MISSING for edge in (row.low - 1, row.high + 1)}
    assert all({row.low, row.high} & edges for row in rows if row.state is REPAIRED)


@law
@given(id_orders(), cuts, st.integers(1, 4))
def test_more_holes_than_are_watched_stay_missing_and_are_counted(order, edges, most):
    stored = Stored()
    before, idruns.MOST_HOLES = idruns.MOST_HOLES, most
    try:
        made = ledger()
        for position, entry in enumerate(entries(order, edges), 1):
            made.fold_trades(position, entry)
            assert len(made.missing()) <= most
            stored.save(made)
            _open_repairs_touch_an_open_hole(stored)
    finally:
        idruns.MOST_HOLES = before
    watched = {(hole.ids[0], hole.ids[-1]) for hole in made.missing()}
    rows = [row for row in stored.rows.values() if row.state is MISSING]
    assert {(row.low, row.high) for row in rows if row.open} == watched
    if not stored.marks.forgotten:
        assert told(stored.whole()) == brute(order)
    # What was forgotten is told as missing for ever, and its late trades count as repeats.
    known = [n for row in told(stored.whole()) for n in range(row.low, row.high + 1)]
    assert known == list(range(min(order, default=0), max(order, default=-1) + 1))
    missing = sum(row.high - row.low + 1 for row in rows)
    assert missing == len(known) - len(order) + stored.marks.repeats


def test_a_clean_tape_is_one_row_however_long():
    stored, made = Stored(), ledger()
    for position in range(1, 200):
        made.fold_trades(position, [trade(10 * position + n) for n in range(10)])
        stored.save(made)

    [row] = stored.rows.values()
    assert (row.low, row.high, row.state, row.open) == (10, 1_999, COMPLETE, True)


@pytest.mark.parametrize("ids", [(1, 5, 9), (9, 5, 1)], ids=["ahead", "behind"])
def test_a_run_in_the_middle_is_settled_and_a_restart_needs_it_no_more(ids):
    stored, made = Stored(), ledger()
    for position, number in enumerate(ids, 1):
        made.fold_trades(position, [trade(number)])
        stored.save(made)

    still = {row.low: row.open for row in stored.rows.values()}
    assert still == {1: True, 2: True, 5: False, 6: True, 9: True}


@pytest.mark.parametrize("fills", [(2, 3, 4), (4, 3, 2), (2, 4, 3), (3, 2, 4)])
def test_a_hole_that_is_filled_is_one_settled_repair(fills):
    stored, made = Stored(), ledger()
    for position, ids in enumerate([(1, 5), *((number,) for number in fills)], 1):
        made.fold_trades(position, [trade(number) for number in ids])
        stored.save(made)

    [repair] = [row for row in stored.rows.values() if row.state is REPAIRED]
    assert (repair.low, repair.high, repair.open) == (2, 4, False)


def test_an_entry_that_is_inside_already_is_skipped():
    made = ledger()
    made.fold_trades(5, [trade(1)])
    made.fold_trades(5, [trade(9)])
    made.fold_trades(4, [trade(8)])
    made.fold_facts(5, [fact(StatusKind.BOOK_SYNCED, 10)])
    made.fold_facts(5, [fact(StatusKind.BOOK_GAP, 20)])
    made.fold_facts(4, [fact(StatusKind.BOOK_GAP, 20)])

    assert [(row.low, row.high) for row in told(made)] == [(1, 1)]
    assert made.intervals(Covered.BOOK) == []


def test_a_run_holds_a_trade_whose_time_is_before_that_of_its_first_id():
    made = ledger()
    made.fold_trades(1, [trade(2)])
    made.fold_trades(2, [trade(3), trade(4)])

    assert time_of(3) < time_of(2)
    assert told(made) == brute([2, 3, 4])


def test_nothing_new_is_nothing_to_save():
    made = ledger()
    assert made.changes() is None

    made.fold_trades(1, [trade(1)])
    assert made.changes() is not None
    made.saved()
    assert made.changes() is None


def test_a_save_that_failed_is_repeated_by_the_next_one():
    stored, made = Stored(), ledger()
    made.fold_trades(1, [trade(1), trade(5)])
    lost = made.changes()
    made.fold_trades(2, [trade(3)])
    stored.save(made)

    assert lost is not None
    assert told(stored.whole()) == brute([1, 5, 3])


def test_a_hole_is_told_with_its_ids_its_times_and_why_it_stays():
    made = ledger()
    made.fold_trades(1, [trade(n) for n in (1, 2, 6, 7)])
    gap = {"after_id": 2, "before_id": 6, "from_ms": 1, "to_ms": 2, "missing": 3}
    made.fold_facts(2, [fact(StatusKind.TRADE_GAP, 3_000, **gap)])
    made.fold_facts(3, [fact(StatusKind.TRADES_UNREPAIRED, 9_000, **gap, reason="refused")])

    [hole] = made.missing()
    assert hole == Hole(range(3, 6), time_of(2), time_of(6), "refused")
    [interval] = [one for one in made.intervals(Covered.TRADES) if one.state is MISSING]
    assert (interval.trades, interval.reason, interval.found_at) == (3, "refused", at(3_000))
    assert (interval.start, interval.end) == (time_of(2), time_of(6) + NS_PER_MS)


def test_a_repair_is_told_with_when_it_was_found_and_settled():
    made = ledger()
    gap = {"after_id": 2, "before_id": 6, "from_ms": 1, "to_ms": 2}
    # Facts may be read before the trades they are about.
    made.fold_facts(1, [fact(StatusKind.TRADE_GAP, 3_000, **gap)])
    made.fold_facts(2, [fact(StatusKind.TRADES_REPAIRED, 4_000, **gap, filled=3)])
    made.fold_trades(3, [trade(n) for n in (1, 2, 6, 7, 4, 3, 5)])

    repaired = [one for one in made.intervals(Covered.TRADES) if one.state is REPAIRED]
    [one] = repaired
    assert (one.low, one.high, one.trades) == (3, 5, 3)
    assert (one.found_at, one.settled_at) == (at(3_000), at(4_000))


def test_what_is_left_of_a_gap_keeps_the_reason_that_was_told_last():
    made = ledger()
    made.fold_trades(1, [trade(n) for n in (1, 9)])
    wide = {"after_id": 1, "before_id": 9, "from_ms": 1, "to_ms": 2, "reason": "away"}
    made.fold_facts(2, [fact(StatusKind.TRADES_UNREPAIRED, 10, **wide)])
    made.fold_trades(3, [trade(4)])
    part = {"after_id": 4, "before_id": 9, "from_ms": 1, "to_ms": 2, "reason": "too old"}
    made.fold_facts(4, [fact(StatusKind.TRADES_UNREPAIRED, 20, **part)])

    assert [(hole.ids, hole.reason) for hole in made.missing()] == [
        (range(2, 4), "away"),
        (range(5, 9), "too old"),
    ]


def test_open_gaps_are_bounded_and_the_oldest_stay_as_they_are():
    made, stored = ledger(Venue.BYBIT_LINEAR), Stored()
    for number in range(facts.MOST_GAPS + 3):
        gap = {"after_id": f"id{number}", "from_ms": number, "to_ms": number}
        made.fold_facts(number + 1, [fact(StatusKind.TRADE_GAP, number, **gap)])
    stored.save(made)

    closed = sorted(row.first for row in stored.rows.values() if not row.open)
    assert closed == [at(0), at(1), at(2)]
    assert len(stored.rows) == facts.MOST_GAPS + 3


@given(venues, st.permutations(range(4)))
def test_rows_of_the_same_time_are_told_in_one_order_however_a_store_gives_them(v, order):
    rows = [
        Row(Layer.GAP, f"{at}", 5, 9, CoverageState.UNKNOWN, open=False, low=at, high=at)
        for at in range(4)
    ]
    mixed = [rows[at] for at in order]
    told = [Ledger(v, "BTCUSDT", Kept(Marks(), tuple(kept))) for kept in (rows, mixed)]
    assert told[0].intervals(Covered.TRADES) == told[1].intervals(Covered.TRADES)
