"""Too much of everything over one WebSocket, or too many of them."""

import json
from contextlib import ExitStack, suppress

import pytest
from fortress import PER_ADDRESS, PER_KEY, SUBSCRIPTIONS, refusal
from rawhttp import fresh_address
from websockets.exceptions import ConnectionClosed
from wsabuse import all_heard, hear, joined, left_with, say, turned_away

from cloud_marketdata.core.clock import SystemClock

TRADES = {"name": "trades", "venue": "binance-spot", "symbol": "BTCUSDT"}
CANDLES = {"name": "candles", "venue": "binance-spot", "symbol": "BTCUSDT"}


def is_well(fortress) -> None:
    """Demand that others are served meanwhile."""
    clock = SystemClock()
    begun = clock.monotonic()
    assert fortress.ask("/v1/markets", "all").status == 200
    assert clock.monotonic() - begun < 3


def test_an_address_has_so_many_connections_and_no_more(fortress):
    address = fresh_address()
    with ExitStack() as held:
        for _ in range(PER_ADDRESS):
            held.enter_context(joined(fortress, "stream:read", address=address))
        answer = turned_away(fortress, "stream:read", address=address)
        assert refusal(answer) == (429, "quota_exceeded")
        assert int(answer.headers["Retry-After"]) >= 1
        is_well(fortress)
    with joined(fortress, "stream:read", address=address) as connection:
        assert say(connection, op="ping")["ok"]


def test_connections_without_a_key_hold_seats_too(fortress):
    address = fresh_address()
    with ExitStack() as held:
        for _ in range(PER_ADDRESS):
            held.enter_context(joined(fortress, address=address))
        assert refusal(turned_away(fortress, address=address)) == (429, "quota_exceeded")


def test_event_streams_are_connections_of_an_address_too(fortress):
    address = fresh_address()
    target = "/v1/stream/sse?channels=trades:binance-spot:BTCUSDT"
    with ExitStack() as held:
        for _ in range(PER_ADDRESS):
            held.enter_context(joined(fortress, "stream:read", address=address))
        answer = fortress.ask(target, "stream:read", address=address)

    assert refusal(answer) == (429, "quota_exceeded")


def test_a_key_has_so_many_connections_wherever_they_come_from(fortress):
    with ExitStack() as held:
        for _ in range(PER_KEY):
            held.enter_context(joined(fortress, "retiring"))
        assert refusal(turned_away(fortress, "retiring")) == (429, "quota_exceeded")
        with joined(fortress) as late:
            reply = say(late, op="auth", key=fortress.key("retiring"))
            assert (reply["ok"], reply["code"]) == (False, "quota_exceeded")


def test_who_does_not_say_who_he_is_is_told_nothing_and_left(fortress):
    clock = SystemClock()
    asked = {"list": {}, "unsubscribe": {"channels": [TRADES]}, "subscribe": {"channels": [TRADES]}}
    with joined(fortress) as silent, joined(fortress) as talking:
        begun = clock.monotonic()
        assert say(talking, op="ping")["ok"]
        for op, more in asked.items():
            reply = say(talking, op=op, **more)
            assert (reply["ok"], reply["code"]) == (False, "key_missing"), op
        heard = all_heard(talking)
        assert left_with(silent)[0] == talking.close_code == 4401

    assert not [message for message in heard if "data" in message or "seq" in message]
    assert clock.monotonic() - begun < 8


def test_a_second_auth_does_not_change_who_one_is(fortress):
    with joined(fortress, "stream:read") as connection:
        reply = say(connection, op="auth", key=fortress.key("guessed"))
        assert reply["ok"] is False


def test_requests_beyond_the_pace_are_refused_and_then_the_connection_ends(fortress):
    address = fresh_address()
    with joined(fortress, "stream:read", address=address) as connection:
        with suppress(ConnectionClosed):
            for number in range(3000):
                connection.send(json.dumps({"op": "ping", "id": number}))
        code, _ = left_with(connection)

    assert code == 4429
    assert len(fortress.chronicle.of(address)) < 500
    is_well(fortress)


def test_subscriptions_beyond_the_bound_are_refused_one_by_one(fortress):
    frames = ("1s", "5s", "15s", "1m", "5m", "15m", "1h", "4h", "1d")
    channels = [{**CANDLES, "timeframe": frame} for frame in frames]
    channels += [{**CANDLES, "venue": "bybit-spot", "timeframe": frame} for frame in frames]
    with joined(fortress, "stream:read") as connection:
        reply = say(connection, op="subscribe", channels=channels)

    refused = [one.get("code") for one in reply["results"] if not one["ok"]]
    assert refused == ["too_many_subscriptions"] * (len(channels) - SUBSCRIPTIONS)


def test_a_list_of_channels_without_end_is_refused(fortress):
    clock = SystemClock()
    with joined(fortress, "stream:read") as connection:
        begun = clock.monotonic()
        reply = say(connection, op="subscribe", channels=[{"name": "x"}] * 4000)
        assert reply["ok"] is False
        assert len(json.dumps(reply)) < 1_000_000
    assert clock.monotonic() - begun < 3


HOSTILE = {
    "deep": ("[" * 60_000, "bad_json"),
    "no JSON": ("{", "bad_json"),
    "a number": ("1e309", "bad_json"),
    "a list": ("[]", "bad_json"),
    "an unknown op": ('{"op":"__class__"}', "unknown_op"),
    "an op that is a list": ('{"op":["subscribe"]}', "unknown_op"),
    "too long": ('{"op":"ping","id":"' + "a" * 70_000 + '"}', "too_large"),
    "no channels": ('{"op":"subscribe"}', "invalid_request"),
    "endless levels": (
        f'{{"op":"subscribe","channels":[{json.dumps(TRADES)[:-1]},"levels":1e309}}]}}',
        "bad_json",
    ),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_message_is_answered_by_its_code(fortress, what):
    text, code = HOSTILE[what]
    with joined(fortress, "stream:read") as connection:
        connection.send(text)
        reply = next(hear(connection, "ok"))
        codes = {reply.get("code"), *(one.get("code") for one in reply.get("results", []))}
        assert reply["ok"] is False
        assert codes - {None} <= {code, "limit_exceeded", "bad_request"}
        assert say(connection, op="ping")["ok"]


def test_binary_messages_are_refused(fortress):
    with joined(fortress, "stream:read") as connection:
        connection.send(b"\x00" * 1000)
        assert next(hear(connection, "ok"))["code"] == "not_text"


def test_a_message_of_megabytes_ends_the_connection(fortress):
    before = fortress.resident_mb()
    with joined(fortress, "stream:read") as connection:
        with suppress(ConnectionClosed):
            connection.send("a" * (16 << 20))
        code, _ = left_with(connection)

    # A reset may overtake the farewell.
    assert code in {1006, 1009}
    assert fortress.resident_mb() - before < 32


def test_a_message_in_thousands_of_pieces_harms_nobody(fortress):
    before = fortress.resident_mb()
    with joined(fortress, "stream:read") as connection:
        with suppress(ConnectionClosed):
            connection.send(["a"] * 30_000)
            connection.send(json.dumps({"op": "ping"}))
        is_well(fortress)
    assert fortress.resident_mb() - before < 64


def test_ten_thousand_pings_of_the_protocol_harm_nobody(fortress):
    with joined(fortress, "stream:read") as connection:
        with suppress(ConnectionClosed):
            for number in range(10_000):
                connection.ping(f"{number}")
        is_well(fortress)
