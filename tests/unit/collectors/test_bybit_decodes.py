"""Every kind of Bybit message by example."""

from decimal import Decimal

import pytest
from frames import AT, MS, collector, item, js, orderbook, trades

from cloud_marketdata.collectors.base import Control, ControlKind, Decoded
from cloud_marketdata.core.errors import VenueError
from cloud_marketdata.domain.events import BookDelta, BookSnapshot, Rejection, TradeEvent
from cloud_marketdata.domain.values import Side, TradeFlag, Venue

SPOT, LINEAR = Venue.BYBIT_SPOT, Venue.BYBIT_LINEAR


def _decoded(payload: bytes) -> list[Decoded]:
    return list(collector(LINEAR).decode(payload, AT + 9))


def test_a_trade_is_an_event_with_the_venues_own_id():
    [event] = _decoded(trades(item()))
    assert isinstance(event, TradeEvent)
    assert event.id == "a9188a0a-82bc-50de-be60-03eedbe3cdd7"
    assert (event.price, event.size, event.fills) == (651142, 4, 1)
    assert (event.exchange_time, event.received_at) == (AT, AT + 9)


@pytest.mark.parametrize("venue", [SPOT, LINEAR])
@pytest.mark.parametrize(("word", "side"), [("Buy", Side.BUY), ("Sell", Side.SELL)])
def test_the_side_is_the_takers(venue, word, side):
    [event] = collector(venue).decode(trades(item(S=word)), AT)
    assert (event.side, event.instrument.venue) == (side, venue)


@pytest.mark.parametrize(
    ("changed", "flags", "in_bars"),
    [
        ({}, TradeFlag.NONE, True),
        ({"BT": True}, TradeFlag.BLOCK, False),
        ({"RPI": True}, TradeFlag.RPI, True),
        ({"BT": True, "RPI": True}, TradeFlag.BLOCK | TradeFlag.RPI, False),
    ],
)
def test_block_trades_are_kept_out_of_bars_and_rpi_fills_are_not(changed, flags, in_bars):
    [event] = _decoded(trades(item(**changed)))
    assert (event.flags, event.in_bars) == (flags, in_bars)


def test_trades_of_one_seq_keep_their_order_over_frames():
    reader = collector(LINEAR)
    frames = [trades(item(i="a"), item(i="b")), trades(item(i="c"), item(i="d", seq=78))]
    events = [event for frame in frames for event in reader.decode(frame, AT)]
    assert [event.id for event in events] == ["a", "b", "c", "d"]
    sequences = [event.sequence for event in events]
    assert sequences == sorted(set(sequences))


def test_symbols_do_not_share_their_places():
    events = _decoded(trades(item(i="a"), item(i="b", s="ETHUSDT"), item(i="c")))
    assert [event.sequence & 0xFFFF for event in events] == [0, 0, 1]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ({"S": "Short"}, "bad_number"),
        ({"p": "1e5"}, "bad_number"),
        ({"v": ""}, "bad_number"),
        ({"s": "XRPUSDT"}, "unknown_symbol"),
        ({"p": 5.5}, "schema"),
        ({"i": None}, "schema"),
        ({"T": "now"}, "schema"),
    ],
)
def test_one_bad_item_does_not_take_its_neighbours_along(bad, reason):
    events = _decoded(trades(item(i="a"), item(**({"i": "b"} | bad)), item(i="c")))
    assert [type(event) for event in events] == [TradeEvent, Rejection, Control, TradeEvent]
    assert [events[0].id, events[1].reason, events[3].id] == ["a", reason, "c"]
    assert events[2].kind is ControlKind.UNREAD, "its place is marked, for no id will prove it lost"


def test_a_snapshot_and_its_deltas_use_the_engines_time():
    reader = collector(LINEAR)
    [first] = reader.decode(orderbook("snapshot", 7), AT)
    [then] = reader.decode(orderbook("delta", 8), AT)
    assert (type(first), first.update_id) == (BookSnapshot, 7)
    assert (type(then), then.first_id, then.last_id) == (BookDelta, 8, 8)
    assert (then.bids, then.asks) == (((651142, 1500),), ((651143, 2000),))
    assert first.exchange_time == then.exchange_time == AT


def test_u_of_one_is_a_snapshot_whatever_the_type_says():
    [event] = _decoded(orderbook("delta", 1))
    assert (type(event), event.update_id) == (BookSnapshot, 1)


def test_the_first_depth_of_a_symbol_is_followed_and_the_others_are_left_alone():
    reader = collector(LINEAR)
    assert isinstance(reader.decode(orderbook("snapshot", 7), AT)[0], BookSnapshot)
    other = reader.decode(orderbook("snapshot", 9, level=50), AT)[0]
    assert other == Control(ControlKind.SILENT, "orderbook.50.BTCUSDT")
    best = reader.decode(orderbook("snapshot", 9, level=1, symbol="ETHUSDT"), AT)[0]
    assert best == Control(ControlKind.SILENT, "orderbook.1.ETHUSDT")
    assert isinstance(reader.decode(orderbook("delta", 8), AT)[0], BookDelta)


def test_asks_that_refine_the_scale_recount_the_bids():
    frame = orderbook("snapshot", 7).replace(b"65114.30", b"65114.35")
    [event] = _decoded(frame)
    assert event.instrument.scale.tick == Decimal("0.05")
    assert event.instrument.scale.price(event.bids[0][0]) == Decimal("65114.20")


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            {"success": True, "ret_msg": "", "op": "subscribe", "conn_id": "x"},
            Control(ControlKind.ACK, "subscribe"),
        ),
        (
            {"success": True, "ret_msg": "subscribe", "op": "subscribe"},
            Control(ControlKind.ACK, "subscribe"),
        ),
        ({"success": True, "ret_msg": "pong", "op": "ping"}, Control(ControlKind.PONG)),
        ({"op": "pong", "args": ["1"]}, Control(ControlKind.PONG)),
        (
            {"success": False, "ret_msg": "error:handler not found", "op": "subscribe"},
            Control(ControlKind.REFUSED, "error:handler not found"),
        ),
        (
            {"topic": "tickers.BTCUSDT", "type": "delta", "data": {}, "ts": MS},
            Control(ControlKind.SILENT, "tickers.BTCUSDT"),
        ),
        (
            {"topic": "kline.1.BTCUSDT", "type": "snapshot", "data": [{"start": 1}], "ts": MS},
            Control(ControlKind.SILENT, "kline.1.BTCUSDT"),
        ),
    ],
)
def test_frames_without_market_data_say_what_they_are(message, expected):
    assert _decoded(js(message)) == [expected]


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "malformed"),
        (b"pong", "malformed"),
        (trades(item())[:-1], "malformed"),
        (b"{}", "unrecognised"),
        (b"[]", "schema"),
        (js({"topic": "publicTrade.BTCUSDT", "type": "snapshot", "ts": MS}), "schema"),
        (js({"topic": "publicTrade.BTCUSDT", "type": "x", "ts": MS, "data": 5}), "schema"),
        (orderbook("delta", 8).replace(b'"u":8', b'"u":8.5'), "schema"),
        (orderbook("delta", 8).replace(b'"1.5"', b'"-1.5"'), "bad_number"),
        (orderbook("delta", 8, symbol="XRPUSDT"), "unknown_symbol"),
    ],
)
def test_bad_frames_are_rejections_with_reason_and_sample(payload, reason):
    [rejection, *marks] = _decoded(payload)
    assert (type(rejection), rejection.reason) == (Rejection, reason)
    assert [mark.kind for mark in marks] in ([], [ControlKind.UNREAD])
    assert not (marks and b"orderbook" in payload), "a book's frame holds no trades"
    assert rejection.sample in payload


def _info(**lot: str) -> bytes:
    listed = {"symbol": "BTCUSDT", "priceFilter": {"tickSize": "0.10"}, "lotSizeFilter": lot}
    return js({"retCode": 0, "retMsg": "OK", "result": {"list": [listed]}})


@pytest.mark.parametrize(
    ("venue", "lot"), [(LINEAR, {"qtyStep": "0.001"}), (SPOT, {"basePrecision": "0.001"})]
)
def test_instruments_are_read_from_instruments_info(venue, lot):
    reader = collector(venue)
    [found] = reader.decode_instruments(_info(**lot))
    assert (found.venue, found.symbol) == (venue, "BTCUSDT")
    assert (found.scale.tick, found.scale.lot) == (Decimal("0.1"), Decimal("0.001"))
    assert reader.decode_instruments(js({"retCode": 10001, "retMsg": "no such"})) == []


@pytest.mark.parametrize("lot", [{}, {"qtyStep": "0"}])
def test_an_instrument_with_unusable_steps_is_left_out(lot):
    assert collector(LINEAR).decode_instruments(_info(**lot)) == []


@pytest.mark.parametrize("body", [b"<html>", js({"retCode": 10006, "retMsg": "slow"})])
def test_what_is_no_instruments_info_is_the_venues_error(body):
    with pytest.raises(VenueError):
        collector(LINEAR).decode_instruments(body)


def test_topics_are_asked_for_in_chunks_of_ten_with_a_name_for_each():
    reader = collector(LINEAR)
    [connection] = reader.connections([f"C{number}USDT" for number in range(8)])
    assert (connection.path, len(connection.topics)) == ("/v5/public/linear", 16)
    commands = reader.subscribe([topic.name for topic in connection.topics])
    assert [len(command.topics) for command in commands] == [10, 6]
    [again] = reader.unsubscribe(["orderbook.200.BTCUSDT"])
    assert again.payload == b'{"op":"unsubscribe","args":["orderbook.200.BTCUSDT"],"req_id":"3"}'
    with pytest.raises(LookupError):
        reader.snapshot_ask("BTCUSDT")
