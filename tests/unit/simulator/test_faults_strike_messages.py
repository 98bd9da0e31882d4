"""What faults do to messages on their way, and what they leave alone."""

import asyncio
from collections import Counter
from decimal import Decimal
from functools import cache
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stagehand import SYMBOLS, Theatre, body, streams

from cloud_marketdata.domain.values import Exchange, Venue
from cloud_marketdata.simulator.faults.language import parse
from cloud_marketdata.simulator.streams import symbol_of

VENUES = pytest.mark.parametrize("venue", list(Venue))
BINANCE = pytest.mark.parametrize("venue", [Venue.BINANCE_SPOT, Venue.BINANCE_USDM])
FRAMES = 160
FEW = settings(max_examples=5)


@cache
def through(venue: Venue, faults: str, kind: str = "trade", frames: int = FRAMES) -> list[bytes]:
    """Return what one client gets of one kind of stream."""
    theatre = Theatre(venue, faults)
    theatre.enter(*streams(venue, kind))
    return [delivery.payload for delivery in theatre.play(frames)]


@VENUES
@FEW
@given(every=st.integers(1, 9))
def test_a_drop_takes_each_nth_message_and_nothing_else(venue, every):
    whole = through(venue, "")
    left = through(venue, f"drop trade every={every}")
    assert left == [payload for n, payload in enumerate(whole, 1) if n % every]
    assert through(venue, f"drop depth every={every}") == whole


@VENUES
def test_a_message_that_is_doubled_comes_twice_in_a_row(venue):
    whole = through(venue, "")
    left = through(venue, "duplicate trade at=4")
    assert left == [*whole[:4], *whole[3:]]


@VENUES
@FEW
@given(every=st.integers(1, 7), seed=st.integers(0, 99))
def test_reordering_loses_nothing_and_moves_by_one_place(venue, every, seed):
    plain, theatre = Theatre(venue, "", seed), Theatre(venue, f"reorder trade every={every}", seed)
    for stage in (plain, theatre):
        stage.enter(*streams(venue, "trade"))
    whole = [(d.stream, d.payload) for d in plain.play(FRAMES)]
    left = [(d.stream, d.payload) for d in theatre.play(FRAMES)]
    theatre.mischief.clear()
    left += [(d.stream, d.payload) for d in theatre.mischief.pass_on(())]
    assert Counter(left) == Counter(whole)
    assert left != whole
    for stream in streams(venue, "trade"):
        before = [payload for name, payload in whole if name == stream]
        after = [payload for name, payload in left if name == stream]
        assert max(abs(before.index(p) - n) for n, p in enumerate(after)) <= 1


@VENUES
def test_a_cut_message_is_no_json_and_a_mistyped_one_has_no_number(venue):
    (broken,) = set(through(venue, "malformed trade at=3")) - set(through(venue, ""))
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(broken)
    (wrong,) = set(through(venue, "malformed trade at=3 how=types")) - set(through(venue, ""))
    data = body(wrong)
    trade = data[0] if isinstance(data, list) else data
    assert trade["s"] in SYMBOLS
    assert isinstance(trade["p"], dict)
    assert isinstance(trade["T"], str)


@VENUES
def test_a_stream_falls_silent_alone_and_lives_again_when_it_is_asked_for_again(venue):
    theatre = Theatre(venue, "silent trade at=5 times=1")
    trades, books = streams(venue, "trade"), streams(venue, "depth")
    listener = theatre.enter(*trades, *books)
    heard = [delivery.stream for delivery in theatre.play(FRAMES)]
    (dead,) = listener.connection.silenced
    assert dead in trades
    assert heard.count(dead) < 5 < min(heard.count(s) for s in {*trades, *books} - {dead})
    theatre.stage.subscriptions.remove(dead, listener.connection)
    theatre.stage.subscriptions.add(dead, listener.connection)
    assert dead in {delivery.stream for delivery in theatre.play(FRAMES)}
    assert theatre.struck == [1]


@VENUES
def test_a_subscription_that_is_only_acknowledged_brings_nothing(venue):
    theatre = Theatre(venue, "ack-only trade symbol=BTCUSDT")
    theatre.enter(*streams(venue, "trade"))
    symbols = {symbol_of(delivery.stream) for delivery in theatre.play(FRAMES)}
    assert symbols == {"ETHUSDT"}


@VENUES
def test_one_message_for_several_clients_is_one_occasion(venue):
    theatre = Theatre(venue, "drop trade every=3")
    first, second = (theatre.enter(*streams(venue, "trade")) for _ in range(2))
    left = theatre.play(FRAMES)
    for listener in (first, second):
        got = [d.payload for d in left if d.connection is listener.connection]
        assert got == through(venue, "drop trade every=3")


@VENUES
def test_a_fault_of_one_client_leaves_the_other_alone(venue):
    theatre = Theatre(venue, "drop trade client=2")
    first, second = (theatre.enter(*streams(venue, "trade")) for _ in range(2))
    left = theatre.play(FRAMES)
    assert [d.payload for d in left if d.connection is first.connection] == through(venue, "")
    assert not [d for d in left if d.connection is second.connection]


@pytest.mark.parametrize(("client", "loses"), [("oldest", 0), ("newest", 2), ("2", 1)])
def test_clients_are_named_by_number_or_by_age(client, loses):
    venue = Venue.BINANCE_SPOT
    theatre = Theatre(venue, f"drop trade client={client}")
    listeners = [theatre.enter(*streams(venue, "trade")) for _ in range(3)]
    deaf = theatre.enter(*streams(venue, "trade"))
    deaf.connection.deafen()
    heard = {delivery.connection for delivery in theatre.play(50)}
    assert listeners[loses].connection not in heard
    assert len(heard & {listener.connection for listener in listeners}) == 2


@BINANCE
def test_rest_still_knows_what_was_dropped(venue):
    theatre = Theatre(venue, "drop any")
    theatre.enter(*streams(venue, "trade"), *streams(venue, "depth"))
    assert theatre.play(FRAMES) == []
    ids = [row.a for row in theatre.stage.tapes.aggregates("BTCUSDT").newest(1000)]
    assert len(ids) > 9
    assert ids == list(range(ids[0], ids[0] + len(ids)))
    assert theatre.stage.depth("BTCUSDT", 5)


def test_recent_trades_still_know_what_was_dropped():
    theatre = Theatre(Venue.BYBIT_LINEAR, "drop any")
    theatre.enter("publicTrade.BTCUSDT")
    assert theatre.play(FRAMES) == []
    assert len(theatre.stage.recent("BTCUSDT")) > 9


def numbers(venue: Venue, payloads: list[bytes]) -> list[tuple[int, int]]:
    """Return what each book message says it follows, and its own id."""
    bodies = [body(payload) for payload in payloads]
    if venue is Venue.BINANCE_USDM:
        return [(data["pu"], data["u"]) for data in bodies]
    if venue is Venue.BINANCE_SPOT:
        return [(data["U"] - 1, data["u"]) for data in bodies]
    return [(data["u"] - 1, data["u"]) for data in bodies]


def breaks(venue: Venue, payloads: list[bytes]) -> list[int]:
    """Return by how much each message misses its predecessor, where it does."""
    pairs = numbers(venue, payloads)
    return [follows - before[1] for before, (follows, _) in pairwise(pairs) if follows != before[1]]


@VENUES
@FEW
@given(by=st.integers(1, 10**6), at=st.integers(3, 15))
def test_a_gap_is_one_jump_after_which_streams_and_rest_agree_again(venue, by, at):
    theatre = Theatre(venue, f"gap depth at={at} by={by} symbol=BTCUSDT")
    theatre.enter(*streams(venue, "depth"))
    sent = {s: [] for s in streams(venue, "depth")}
    for delivery in theatre.play(FRAMES):
        sent[delivery.stream].append(delivery.payload)
    gapped, whole = sent.values()
    assert (breaks(venue, gapped), breaks(venue, whole)) == ([by], [])
    if venue.exchange is Exchange.BINANCE:
        reply = theatre.mischief.numbered("BTCUSDT", theatre.stage.depth("BTCUSDT", 5))
        assert msgspec.json.decode(reply)["lastUpdateId"] == numbers(venue, gapped)[-1][1]
    else:
        topic = streams(venue, "depth")[0]
        snapshot = theatre.mischief.shown(topic, theatre.stage.snapshot(topic))
        assert body(snapshot)["u"] == numbers(venue, gapped)[-1][1]


@BINANCE
def test_a_gap_in_two_streams_of_one_book_is_one_and_moves_the_ticker_too(venue):
    theatre = Theatre(venue, "gap depth at=7 by=50")
    theatre.enter("btcusdt@depth", "btcusdt@depth@100ms", "btcusdt@bookTicker")
    left = theatre.play(100)
    newest = {delivery.stream: body(delivery.payload)["u"] for delivery in left}
    assert len(newest) == 3
    assert len(set(newest.values())) == 1
    assert theatre.struck == [1]


@VENUES
def test_a_storm_breaks_every_book_once_and_in_one_moment(venue):
    theatre = Theatre(venue, "storm depth at=20")
    theatre.enter(*streams(venue, "depth"))
    left = theatre.play(FRAMES)
    for stream in streams(venue, "depth"):
        assert breaks(venue, [d.payload for d in left if d.stream == stream]) == [1]


@pytest.mark.parametrize("depth", ["1000", "50"])
def test_a_bybit_snapshot_in_place_of_a_delta_is_the_book_at_the_same_number(depth):
    topic = f"orderbook.{depth}.BTCUSDT"
    theatre = Theatre(Venue.BYBIT_LINEAR, "snapshot depth every=5")
    theatre.play(2)  # the books begin before anybody asks for a shallower one
    theatre.stage.snapshot(topic)
    theatre.enter(topic)
    messages = [msgspec.json.decode(d.payload) for d in theatre.play(300)]
    assert [m["type"] for m in messages[:10]] == (["delta"] * 4 + ["snapshot"]) * 2
    ids = [message["data"]["u"] for message in messages]
    assert ids == list(range(ids[0], ids[0] + len(ids)))
    sides = [side for m in messages if m["type"] == "snapshot" for side in (m["data"]["b"],)]
    assert all(len(side) == 50 if depth == "50" else len(side) >= 300 for side in sides)


def test_a_restarted_bybit_counts_from_one_with_a_whole_book():
    theatre = Theatre(Venue.BYBIT_SPOT, "restart depth at=10 symbol=BTCUSDT")
    theatre.enter("orderbook.1000.BTCUSDT")
    messages = [msgspec.json.decode(d.payload) for d in theatre.play(FRAMES)]
    first = next(n for n, message in enumerate(messages) if message["data"]["u"] == 1)
    assert first == 9
    assert messages[first]["type"] == "snapshot"
    ids = [message["data"]["u"] for message in messages[first:]]
    assert ids == list(range(1, len(ids) + 1))
    assert {message["type"] for message in messages[first + 1 :]} == {"delta"}


@VENUES
@FEW
@given(ms=st.integers(-5000, 5000).filter(bool))
def test_a_skew_moves_every_time_and_nothing_else(venue, ms):
    def times(value: object, name: str = "") -> list[int]:
        if isinstance(value, dict):
            return [time for key, item in value.items() for time in times(item, key)]
        if isinstance(value, list):
            return [time for item in value for time in times(item)]
        return [value] if name in {"E", "T", "ts", "cts"} else []

    whole, moved = (through(venue, f, "depth", 60) for f in ("", f"skew ms={ms}"))
    for before, after in zip(whole, moved, strict=True):
        old, new = msgspec.json.decode(before), msgspec.json.decode(after)
        assert [time - ms for time in times(new)] == times(old) != []
        assert body(after)["b"] == body(before)["b"]


def test_a_skew_moves_the_times_of_rest_in_both_venues_words():
    theatre = Theatre(Venue.BYBIT_LINEAR, "skew ms=1500")
    reply = {
        "result": {"timeSecond": "1786310820", "timeNano": "1786310820600000000"},
        "list": [{"time": "1786310820000", "price": "5"}],
        "time": 1786310820000,
    }
    moved = msgspec.json.decode(theatre.mischief.dated(msgspec.json.encode(reply)))
    assert moved["result"] == {"timeSecond": "1786310822", "timeNano": "1786310822100000000"}
    assert moved["list"] == [{"time": "1786310821500", "price": "5"}]
    assert moved["time"] == 1786310821500


@VENUES
def test_cleared_faults_strike_no_more_and_times_out_ones_neither(venue):
    theatre = Theatre(venue, "drop trade times=2")
    theatre.enter(*streams(venue, "trade"))
    assert [d.payload for d in theatre.play(FRAMES)] == through(venue, "")[2:]
    theatre = Theatre(venue, "drop trade")
    theatre.enter(*streams(venue, "trade"))
    theatre.play(FRAMES // 2)
    theatre.mischief.clear()
    assert theatre.mischief.report() == []
    assert theatre.play(FRAMES // 2)


def test_each_fault_is_told_with_how_often_it_struck():
    theatre = Theatre(Venue.BINANCE_SPOT, "drop trade at=3; duplicate depth every=2")
    theatre.enter("btcusdt@depth@100ms", "btcusdt@trade")
    sent = [delivery.stream for delivery in theatre.play(50)]
    depths = sent.count("btcusdt@depth@100ms")
    report = theatre.mischief.report()
    assert [row["fault"] for row in report] == ["drop trade at=3", "duplicate depth every=2"]
    assert [row["struck"] for row in report] == [1, depths // 3]
    assert {row["venue"] for row in report} == {"binance-spot"}


@VENUES
def test_a_finer_tick_moves_the_market_there_and_its_instruments_say_so(venue):
    theatre = Theatre(venue)
    theatre.enter(*streams(venue, "trade"))
    tick = theatre.stage.listings["BTCUSDT"].tick
    theatre.play(50)
    (fault,) = parse("tick divide=10 symbol=BTCUSDT")
    theatre.mischief.add(fault)
    asyncio.run(theatre.mischief.tick())
    prices = {symbol: [] for symbol in SYMBOLS}
    for delivery in theatre.play(400):
        data = body(delivery.payload)
        for trade in data if isinstance(data, list) else [data]:
            prices[trade["s"]].append(Decimal(trade["p"]))
    assert theatre.stage.listings["BTCUSDT"].tick == tick / 10
    assert any(price % tick for price in prices["BTCUSDT"])
    assert not any(price % (tick / 10) for price in prices["BTCUSDT"])
    other = theatre.stage.listings["ETHUSDT"].tick
    assert not any(price % other for price in prices["ETHUSDT"])
    assert theatre.struck == [1]
