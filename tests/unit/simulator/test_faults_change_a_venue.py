"""Faults of a whole venue: moved ids, snapshots, times and grids, the same for every client."""

import asyncio
from decimal import Decimal
from functools import cache
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stagehand import SYMBOLS, Theatre, body, streams

from cloud_marketdata.domain.values import Exchange, Venue
from cloud_marketdata.simulator.faults.labels import Labels
from cloud_marketdata.simulator.faults.language import parse

VENUES = pytest.mark.parametrize("venue", list(Venue))
BINANCE = pytest.mark.parametrize("venue", [Venue.BINANCE_SPOT, Venue.BINANCE_USDM])
FRAMES = 160
FEW = settings(max_examples=5)


@given(st.lists(st.tuples(st.sampled_from(["a", "b", None]), st.integers(1, 99)), max_size=20))
def test_jumps_add_up_for_each_book_and_a_restart_begins_at_one(jumps):
    labels = Labels()
    for book, by in jumps:
        if book:
            labels.shift(book, by)
        else:
            labels.shift_all(by)
    for name in ("a", "b"):
        assert labels.offset(name) == sum(by for book, by in jumps if book in (name, None))
    labels.begin("a", 700)
    assert 700 + labels.offset("a") == 1


@cache
def books(venue: Venue, faults: str) -> list[bytes]:
    """Return the book messages that one client gets."""
    theatre = Theatre(venue, faults)
    theatre.enter(*streams(venue, "depth"))
    return [delivery.payload for delivery in theatre.play(60)]


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
    for stream in ("btcusdt@depth", "btcusdt@depth@100ms"):
        shown = [delivery.payload for delivery in left if delivery.stream == stream]
        assert (breaks(venue, shown[:7]), breaks(venue, shown[:6])) == ([50], [])


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

    whole, moved = books(venue, ""), books(venue, f"skew ms={ms}")
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
