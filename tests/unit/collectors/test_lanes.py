"""From frames to batches: validation, repeats, facts about streams, rejections, tickers."""

import msgspec
import pytest
from frames import (
    AT,
    BTC,
    MS,
    agg,
    collector,
    delta,
    depth,
    intake,
    item,
    js,
    orderbook,
    quote,
    snapshot,
    trade,
    trades,
)

from cloud_marketdata.collectors.lanes.desk import Desks
from cloud_marketdata.collectors.lanes.intake import Intake
from cloud_marketdata.collectors.lanes.tickercheck import TickerCheck
from cloud_marketdata.collectors.lanes.validator import AHEAD, EPOCH, why_not_book, why_not_trade
from cloud_marketdata.collectors.rejections import Rejections
from cloud_marketdata.collectors.tapes.tape import Restored, TapeEnd, Tapes
from cloud_marketdata.domain.book import OrderBook
from cloud_marketdata.domain.events import Rejection, StatusKind, TradeEvent
from cloud_marketdata.domain.values import NS_PER_MS, Venue
from cloud_marketdata.storage.ports import BookState, StreamKind

USDM, LINEAR = Venue.BINANCE_USDM, Venue.BYBIT_LINEAR
change = msgspec.structs.replace


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({}, None),
        ({"price": 0}, "price_not_positive"),
        ({"price": -1}, "price_not_positive"),
        ({"size": 0}, "size_not_positive"),
        ({"exchange_time": EPOCH - 1}, "time_implausible"),
        ({"exchange_time": EPOCH}, None),
        ({"exchange_time": AT + 5 + AHEAD}, None),
        ({"exchange_time": AT + 6 + AHEAD}, "time_implausible"),
        ({"fills": 0}, "ids_reversed"),
        ({"sequence": -1}, "ids_reversed"),
        ({"sequence": 2**63 - 1}, None),
        ({"sequence": 2**63}, "id_implausible"),
        ({"sequence": 10**25}, "id_implausible"),
    ],
)
def test_a_trade_that_cannot_be_is_refused_with_its_reason(changed, reason):
    assert why_not_trade(change(trade(7), **changed)) == reason


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({}, None),
        ({"bids": ((0, 5),)}, "price_not_positive"),
        ({"asks": ((5, 1), (-5, 1))}, "price_not_positive"),
        ({"bids": ((5, 0),)}, None),
        ({"first_id": 16}, "ids_reversed"),
        ({"exchange_time": EPOCH - 1}, "time_implausible"),
        ({"exchange_time": AT + 16 + AHEAD}, "time_implausible"),
    ],
)
def test_a_book_event_that_cannot_be_is_refused_with_its_reason(changed, reason):
    assert why_not_book(change(delta(11, 15), **changed)) == reason


def test_a_snapshot_with_a_price_of_zero_is_refused():
    assert why_not_book(snapshot(1, bids=((0, 1),))) == "price_not_positive"


def _desks(venue: Venue, last: TradeEvent) -> Desks:
    tapes = Tapes(venue)
    tapes.restore("BTCUSDT", Restored(TapeEnd(last.id, last.exchange_time), recent=(last,)))
    return Desks(venue, tapes)


def _facts(batches) -> list[tuple[StatusKind, dict]]:
    found = [batch for batch in batches if batch.stream.kind is StreamKind.STATUS]
    return [(event.kind, event.detail) for batch in found for event in batch.events]


def test_frames_become_batches_by_symbol_and_kind():
    taking, rejections = intake(USDM)
    taking.receive(js(agg()), AT)
    taking.receive(js(agg(s="ETHUSDT", a=5)), AT)
    taking.receive(js(agg(a=101)), AT)
    streams = {(b.stream.symbol, b.stream.kind): len(b.events) for b in taking.take()}
    assert streams == {
        ("BTCUSDT", StreamKind.TRADES): 2,
        ("ETHUSDT", StreamKind.TRADES): 1,
    }
    assert taking.take() == []
    assert rejections.total == {}


def test_a_repeated_trade_is_counted_and_not_appended():
    taking, _ = intake(USDM)
    for number in (100, 101, 100, 101):
        taking.receive(js(agg(a=number)), AT)
    [batch] = taking.take()
    assert [event.id for event in batch.events] == [100, 101]
    assert taking.lanes["BTCUSDT"].duplicates == 2


def test_a_hole_in_the_ids_is_a_fact_in_the_log_beside_the_trade():
    taking, _ = intake(USDM)
    taking.receive(js(agg(a=100)), AT)
    taking.receive(js(agg(a=105, T=MS + 40)), AT)
    batches = taking.take()
    detail = {"after_id": 100, "before_id": 105, "missing": 4, "from_ms": MS, "to_ms": MS + 40}
    assert _facts(batches) == [(StatusKind.TRADE_GAP, detail)]
    assert len(batches[0].events) == 2


def test_tapes_outlive_connections():
    desks, rejections = Desks(USDM), Rejections()
    for _ in range(2):
        taking = Intake(collector(USDM), desks, rejections)
        taking.receive(js(agg(a=100)), AT)
        taking.receive(js(agg(a=101)), AT)
    [batch] = taking.take()
    assert [event.id for event in batch.events] == [100, 101]
    assert taking.lanes["BTCUSDT"].duplicates == 2


def test_tapes_go_on_behind_the_stored_trades_by_the_venues_kind_of_id():
    stored = trade(100)
    taking = Intake(collector(USDM), _desks(USDM, stored), Rejections())
    taking.receive(js(agg(a=102)), AT)
    assert _facts(taking.take())[0][1]["missing"] == 1
    named = change(stored, id="a", instrument=change(BTC, venue=LINEAR))
    taking = Intake(collector(LINEAR), _desks(LINEAR, named), Rejections())
    taking.receive(trades(item(i="a"), item(i="b")), AT)
    [batch, _] = taking.take()
    assert [event.id for event in batch.events] == ["b"]


def test_where_ids_prove_nothing_the_first_trade_of_a_connection_is_told_at_once():
    for venue, told in (
        (LINEAR, [(StatusKind.ALIVE, {"trades": 1, "book": "waiting"})]),
        (USDM, []),
    ):
        taking, _ = intake(venue)
        taking.receive(trades(item(i="a")) if told else js(agg()), AT)
        assert _facts(taking.take()) == told


@pytest.mark.parametrize("unread", [trades(item(i="b"))[:-9], trades(item(i="b", p=5.5))])
def test_what_could_not_be_read_between_two_trades_is_a_gap_to_fear(unread):
    taking, _ = intake(LINEAR)
    for frame in (trades(item(i="a")), unread, trades(item(i="c", seq=79)), trades(item(i="d"))):
        taking.receive(frame, AT)
    [(_, gap)] = taking.take_gaps()
    assert (gap.after_id, gap.before_id, gap.missing) == ("a", "c", None)


def test_a_torn_item_is_feared_between_its_neighbours_in_the_same_message():
    taking, _ = intake(LINEAR)
    taking.receive(trades(item(i="a"), item(i="b", T="now"), item(i="c"), item(i="d")), AT)
    [(_, gap)] = taking.take_gaps()
    assert (gap.after_id, gap.before_id) == ("a", "c")


def test_a_book_that_could_not_be_read_says_nothing_of_trades():
    taking, _ = intake(LINEAR)
    for frame in (trades(item(i="a")), orderbook("delta", 8)[:-9], trades(item(i="c"))):
        taking.receive(frame, AT)
    assert taking.take_gaps() == []


def test_an_unread_trade_of_one_symbol_leaves_the_tapes_of_others_alone():
    taking, _ = intake(LINEAR)
    other = trades(item(i="x", s="ETHUSDT")).replace(b"publicTrade.BTC", b"publicTrade.ETH")
    for frame in (trades(item(i="a")), other, other[:-9], trades(item(i="c"))):
        taking.receive(frame, AT)
    assert taking.take_gaps() == []


def test_a_refused_event_is_counted_sampled_and_told_of_its_symbol():
    taking, rejections = intake(USDM)
    taking.receive(js(agg(p="0")), AT)
    taking.receive(js(depth(U=20, u=15)), AT)
    assert taking.take() == []
    counts, samples = rejections.take()
    assert counts == {(USDM, "price_not_positive"): 1, (USDM, "ids_reversed"): 1}
    assert [(sample.symbol, sample.reason) for sample in samples] == [
        ("BTCUSDT", "price_not_positive"),
        ("BTCUSDT", "ids_reversed"),
    ]
    assert rejections.take() == ({}, [])
    assert taking.lanes["BTCUSDT"].rejected == {"price_not_positive": 1, "ids_reversed": 1}


def test_of_a_flood_of_one_reason_few_samples_are_kept_and_all_are_counted():
    rejections = Rejections()
    for number in range(2_500):
        rejections.add(Rejection(USDM, "schema", str(number), b"", AT))
    rejections.add(Rejection(USDM, "malformed", "", b"", AT))
    counts, samples = rejections.take()
    assert counts == {(USDM, "schema"): 2_500, (USDM, "malformed"): 1}
    kept = [sample.detail for sample in samples if sample.reason == "schema"]
    assert kept == [*map(str, range(10)), "999", "1999"]
    assert samples[-1].reason == "malformed"


def test_a_book_tells_when_it_joined_and_when_it_lost_the_stream():
    taking, _ = intake(LINEAR)
    for frame in (orderbook("snapshot", 7), orderbook("delta", 8), orderbook("delta", 10)):
        taking.receive(frame, AT)
    assert _facts(taking.take()) == [
        (StatusKind.BOOK_SYNCED, {"update_id": 7}),
        (StatusKind.BOOK_GAP, {"found_at": 10, "since_ms": AT // NS_PER_MS}),
    ]
    assert taking.wishes() == ["BTCUSDT"]
    assert taking.wishes() == []
    taking.receive(orderbook("snapshot", 30), AT)
    assert _facts(taking.take()) == [(StatusKind.BOOK_SYNCED, {"update_id": 30})]
    assert taking.lanes["BTCUSDT"].sync.state is BookState.SYNCED


def test_a_hole_inside_the_buffer_is_found_too():
    taking, _ = intake(USDM)
    for first, last, previous in ((11, 15, 10), (21, 25, 20)):
        taking.receive(js(depth(U=first, u=last, pu=previous)), AT)
    taking.book(snapshot(12))
    assert taking.lanes["BTCUSDT"].sync.gaps == 1
    assert taking.take() == [], "a book that never was in sync has nothing to tell of"


def test_a_book_nobody_streams_is_not_asked_for():
    taking, _ = intake(USDM)
    taking.receive(js(agg()), AT)
    assert taking.wishes() == []
    taking.receive(js(depth()), AT)
    assert taking.wishes() == ["BTCUSDT"]


def test_tickers_wait_for_the_book_and_are_compared_at_equal_ids_only():
    check, book = TickerCheck(), OrderBook(snapshot(100))
    for at in (99, 100, 104, 105, 107):
        check.quote(quote(at), book)
    assert (check.equal, check.different) == (1, 0)
    book.apply(delta(101, 105))
    check.reached(book)
    assert (check.equal, check.different) == (2, 0)
    book.apply(delta(106, 107, bids=((11, 1),)))
    check.reached(book)
    assert (check.equal, check.different) == (2, 1)
    check.quote(quote(200), None)
    book.apply(delta(108, 200, bids=((11, 0),)))
    check.reached(book)
    assert (check.equal, check.different) == (3, 1)


def test_a_ticker_on_another_grid_is_compared_as_a_number():
    check = TickerCheck()
    book = OrderBook(snapshot(100))
    finer = BTC.refined(BTC.scale.tick / 10, BTC.scale.lot / 10)
    check.quote(change(quote(100, (100, 10), (200, 10)), instrument=finer), book)
    check.quote(change(quote(100, (10, 1), (20, 1)), instrument=finer), book)
    assert (check.equal, check.different) == (1, 1)


def test_an_empty_side_is_a_difference():
    check = TickerCheck()
    check.quote(quote(100), OrderBook(snapshot(100, asks=())))
    assert (check.equal, check.different) == (0, 1)


def test_every_trade_event_is_one_of_the_log():
    taking, _ = intake(LINEAR)
    taking.receive(trades(item(i="a"), item(i="b", BT=True)), AT)
    [batch, _] = taking.take()
    assert all(isinstance(event, TradeEvent) for event in batch.events)
    assert [event.off_book_kind for event in batch.events] == [None, "block"]


def test_a_trade_of_another_tape_is_rejected_and_not_taken_for_a_repeat():
    rejections, last = Rejections(), trade(3_900_000_000, time=AT)
    feed = Intake(collector(USDM), _desks(USDM, last), rejections)
    lane = feed.lane(last.instrument.symbol)
    lane.trade(trade(7, time=AT + 61_000 * MS))
    assert (lane.duplicates, feed.take()) == (0, [])
    assert rejections.total == {(USDM, "id_of_another_tape"): 1}
