"""What faults do to messages on their way, and what they leave alone."""

from collections import Counter
from functools import cache

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stagehand import SYMBOLS, Theatre, body, streams

from cloud_marketdata.domain.values import Venue
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
    moves = []
    for stream in streams(venue, "trade"):
        before = [payload for name, payload in whole if name == stream]
        after = [payload for name, payload in left if name == stream]
        moves += [abs(before.index(payload) - n) for n, payload in enumerate(after)]
    assert max(moves) == 1


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
