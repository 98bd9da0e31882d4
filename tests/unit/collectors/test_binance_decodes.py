"""Every kind of Binance message by example."""

import json
from decimal import Decimal

import pytest
from frames import AT, MS, agg, collector, depth, js, single, wrapped

from cloud_marketdata.collectors.base import Control, ControlKind, Decoded, Topic
from cloud_marketdata.core.errors import VenueError
from cloud_marketdata.domain.events import (
    BestQuote,
    BookDelta,
    BookSnapshot,
    Rejection,
    TradeEvent,
)
from cloud_marketdata.domain.values import NS_PER_MS, Side, TradeFlag, Venue
from cloud_marketdata.storage.ports import StreamKind

SPOT, USDM = Venue.BINANCE_SPOT, Venue.BINANCE_USDM
VENUES = [SPOT, USDM]


def _one(payload: bytes, venue: Venue = USDM) -> Decoded:
    decoded = collector(venue).decode(payload, AT + 9)
    assert len(decoded) == 1
    return decoded[0]


@pytest.mark.parametrize("venue", VENUES)
@pytest.mark.parametrize("wrap", [js, lambda data: wrapped("btcusdt@aggTrade", data)])
def test_an_aggregate_trade_is_one_event_of_its_fills(venue, wrap):
    event = _one(wrap(agg()), venue)
    assert isinstance(event, TradeEvent)
    assert (event.instrument.venue, event.instrument.symbol) == (venue, "BTCUSDT")
    assert (event.id, event.sequence, event.fills, event.flags) == (100, 100, 3, 0)
    assert (event.price, event.size) == (618003, 6)
    # The match time T, never the event time E.
    assert (event.exchange_time, event.received_at) == (AT, AT + 9)


@pytest.mark.parametrize("venue", VENUES)
@pytest.mark.parametrize("make", [agg, single])
@pytest.mark.parametrize(("maker", "side"), [(True, Side.SELL), (False, Side.BUY)])
def test_the_taker_sells_where_the_buyer_was_the_maker(venue, make, maker, side):
    assert _one(js(make(m=maker)), venue).side is side


@pytest.mark.parametrize(
    ("kind", "flag", "in_bars"),
    [
        ("MARKET", TradeFlag.NONE, True),
        ("RPI", TradeFlag.RPI, True),
        ("INSURANCE_FUND", TradeFlag.INSURANCE_FUND, False),
        ("ADL", TradeFlag.ADL, False),
        ("NA", TradeFlag.OFF_BOOK, False),
        ("SOMETHING_NEW", TradeFlag.OFF_BOOK, False),
    ],
)
def test_the_kind_of_a_usdm_trade_decides_whether_it_is_in_bars(kind, flag, in_bars):
    event = _one(js(single(X=kind)))
    assert (event.flags, event.in_bars) == (flag, in_bars)


def test_the_spot_trade_has_no_kind_and_is_in_bars():
    data = single(M=True)
    del data["X"]
    assert _one(wrapped("btcusdt@trade", data), SPOT).in_bars


def test_a_depth_event_keeps_its_ids_link_and_match_time():
    event = _one(wrapped("btcusdt@depth@100ms", depth()))
    assert isinstance(event, BookDelta)
    assert (event.first_id, event.last_id, event.previous_id) == (11, 15, 10)
    assert (event.bids, event.asks) == (((618002, 1500),), ((618003, 0),))
    assert event.exchange_time == AT


def test_a_spot_depth_event_has_event_time_only():
    data = depth()
    del data["T"], data["pu"]
    event = _one(wrapped("btcusdt@depth@100ms", data), SPOT)
    assert (event.previous_id, event.exchange_time) == (None, (MS + 5) * NS_PER_MS)


@pytest.mark.parametrize("stream", ["depth5@100ms", "depth20", "rpiDepth@500ms"])
def test_a_book_that_is_not_the_diff_of_the_whole_is_left_alone(stream):
    assert _one(wrapped(f"btcusdt@{stream}", depth())) == Control(ControlKind.SILENT, stream)


@pytest.mark.parametrize("stream", ["depth", "depth@0ms", "depth@100ms", "depth@500ms"])
def test_every_speed_of_the_diff_is_a_book(stream):
    assert isinstance(_one(wrapped(f"btcusdt@{stream}", depth())), BookDelta)


def test_asks_that_refine_the_scale_recount_the_bids():
    reader = collector(USDM)
    event = reader.decode(js(depth(b=[["61800.20", "1.5"]], a=[["61800.25", "0.0001"]])), AT)[0]
    scale = event.instrument.scale
    assert (scale.tick, scale.lot) == (Decimal("0.05"), Decimal("0.0001"))
    assert [(scale.price(p), scale.size(s)) for p, s in (*event.bids, *event.asks)] == [
        (Decimal("61800.20"), Decimal("1.5")),
        (Decimal("61800.25"), Decimal("0.0001")),
    ]
    # Trades keep their own grid: a resting size finer than the lot is no trade of that size.
    assert reader.decode(js(agg()), AT)[0].instrument.scale_version == 1


TICKER = {"u": 5, "s": "BTCUSDT", "b": "61800.20", "B": "1.5", "a": "61800.30", "A": "2"}


@pytest.mark.parametrize(
    ("venue", "payload"),
    [
        (SPOT, wrapped("btcusdt@bookTicker", TICKER)),
        (SPOT, js(TICKER)),
        (USDM, wrapped("btcusdt@bookTicker", {"e": "bookTicker"} | TICKER)),
        (USDM, wrapped("btcusdt@bookTicker", TICKER | {"e": "bookTicker"})),
    ],
)
def test_a_ticker_is_a_quote_with_or_without_its_name_in_any_order(venue, payload):
    event = _one(payload, venue)
    assert isinstance(event, BestQuote)
    assert (event.update_id, event.bid, event.ask) == (5, (618002, 1500), (618003, 2000))


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (js({"result": None, "id": 1}), Control(ControlKind.ACK, "1", "1")),
        (js({"result": ["btcusdt@trade"], "id": "a"}), Control(ControlKind.ACK, "a", "a")),
        (js({"result": None, "id": None}), Control(ControlKind.ACK, "None")),
        (
            js({"code": 2, "msg": "Invalid", "id": 1}),
            Control(ControlKind.REFUSED, "2 Invalid", "1"),
        ),
        (
            js({"error": {"code": 3}, "id": 1}),
            Control(ControlKind.REFUSED, "None {'code': 3}", "1"),
        ),
        (js({"e": "serverShutdown", "E": MS}), Control(ControlKind.SHUTDOWN)),
        (wrapped("!serverShutdown", {"e": "serverShutdown"}), Control(ControlKind.SHUTDOWN)),
        (js({"e": "kline", "s": "BTCUSDT", "k": {}}), Control(ControlKind.SILENT, "kline")),
        (
            wrapped("btcusdt@markPrice", {"e": "markPriceUpdate", "p": "1"}),
            Control(ControlKind.SILENT, "markPriceUpdate"),
        ),
        (
            wrapped("btcusdt@depth5", {"lastUpdateId": 7, "bids": [], "asks": []}),
            Control(ControlKind.SILENT, "partial depth"),
        ),
    ],
)
def test_frames_without_market_data_say_what_they_are(payload, expected):
    assert _one(payload) == expected


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "malformed"),
        (b"pong", "malformed"),
        (js(agg())[:-1], "malformed"),
        (b'{"stream":"x"', "malformed"),
        (js({}), "unrecognised"),
        (js({"stream": "btcusdt@trade"}), "unrecognised"),
        (js([1]), "schema"),
        (js(agg(p=61800.3)), "schema"),
        (js(agg(a="100")), "schema"),
        (js(agg(m=None)), "schema"),
        (js(depth(b=[["1"]])), "schema"),
        (js(agg(p="1e5")), "bad_number"),
        (js(agg(p="-61800.30")), "bad_number"),
        (js(agg(q="NaN")), "bad_number"),
        (js(agg(q="0.0000000000001")), "bad_number"),
        (js(depth(a=[["1", "x"]])), "bad_number"),
        (js(agg(s="XRPUSDT")), "unknown_symbol"),
        (js(depth(s="XRPUSDT", a=[], b=[])), "unknown_symbol"),
        (wrapped("xrpusdt@bookTicker", TICKER | {"s": "XRPUSDT"}), "unknown_symbol"),
    ],
)
def test_bad_frames_are_rejections_with_reason_and_sample(payload, reason):
    rejection = _one(payload)
    assert isinstance(rejection, Rejection)
    assert (rejection.venue, rejection.reason, rejection.received_at) == (USDM, reason, AT + 9)
    assert rejection.sample in payload


def test_samples_and_details_are_bounded():
    rejection = _one(js(agg(s="X" * 100_000)))
    assert (len(rejection.sample), len(rejection.detail)) == (500, 300)


def test_a_rest_book_is_a_snapshot():
    body = js({"lastUpdateId": 7, "E": MS, "T": MS - 1, "bids": [["1.0", "2"]], "asks": []})
    event = collector(USDM).decode_snapshot("BTCUSDT", body, AT)
    assert isinstance(event, BookSnapshot)
    assert (event.update_id, event.bids, event.exchange_time) == (7, ((10, 2000),), AT - NS_PER_MS)


@pytest.mark.parametrize(
    ("symbol", "body"),
    [
        ("BTCUSDT", b"<html>"),
        ("BTCUSDT", js({"code": -1003, "msg": "Too many requests"})),
        ("BTCUSDT", js({"lastUpdateId": 7, "bids": [["x", "2"]], "asks": []})),
        ("XRPUSDT", js({"lastUpdateId": 7, "bids": [], "asks": []})),
    ],
)
def test_what_is_no_rest_book_is_a_rejection(symbol, body):
    event = collector(SPOT).decode_snapshot(symbol, body, AT)
    assert (type(event), event.reason) == (Rejection, "snapshot")


def _info(tick: str = "0.10", lot: str = "0.001") -> bytes:
    filters = [
        {"filterType": "PRICE_FILTER", "minPrice": "1", "tickSize": tick},
        {"filterType": "LOT_SIZE", "stepSize": lot},
        {"filterType": "MARKET_LOT_SIZE", "stepSize": "0.00000000"},
    ]
    return js({"symbols": [{"symbol": "BTCUSDT", "status": "TRADING", "filters": filters}]})


@pytest.mark.parametrize("venue", VENUES)
def test_instruments_are_read_from_exchange_info(venue):
    reader = collector(venue)
    [found] = reader.decode_instruments(_info())
    assert (found.venue, found.symbol) == (venue, "BTCUSDT")
    assert (found.scale.tick, found.scale.lot) == (Decimal("0.1"), Decimal("0.001"))
    assert reader.decode_instruments(js({"code": -1121, "msg": "Invalid symbol."})) == []


@pytest.mark.parametrize("filters", [[], {"tick": "0.00000000"}, {"lot": "0"}])
def test_a_symbol_with_unusable_filters_does_not_take_the_others_with_it(filters):
    good = json.loads(_info())["symbols"]
    bad = json.loads(_info(**filters))["symbols"] if filters else [{"symbol": "X", "filters": []}]
    [found] = collector(USDM).decode_instruments(js({"symbols": bad + good}))
    assert found.symbol == "BTCUSDT"


@pytest.mark.parametrize("body", [b"<html>", js({"code": -1003, "msg": "Too many"})])
def test_what_is_no_exchange_info_is_the_venues_error(body):
    with pytest.raises(VenueError):
        collector(USDM).decode_instruments(body)


def test_usdm_needs_two_sockets_and_spot_one():
    books, trades = collector(USDM).connections(["BTCUSDT"])
    depth = Topic("btcusdt@depth@100ms", "BTCUSDT", StreamKind.BOOK)
    agg_trade = Topic("btcusdt@aggTrade", "BTCUSDT", StreamKind.TRADES)
    assert (books.path, books.topics) == ("/public/stream", (depth,))
    assert (trades.path, trades.topics) == ("/market/stream", (agg_trade,))
    [both] = collector(SPOT).connections(["BTCUSDT"])
    assert both.topics == (agg_trade, depth)


def test_commands_carry_positive_ascending_ids_and_say_which_topics_they_ask_for():
    reader = collector(SPOT)
    first = reader.subscribe([f"c{number}usdt@aggTrade" for number in range(150)])
    [last] = reader.unsubscribe(["btcusdt@depth@100ms"])
    assert [len(command.topics) for command in first] == [100, 50]
    assert [command.ref for command in (*first, last)] == ["1", "2", "3"]
    assert last.payload == b'{"method":"UNSUBSCRIBE","params":["btcusdt@depth@100ms"],"id":3}'
