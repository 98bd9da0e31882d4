"""Every operation over the stream leaves exactly one event, whatever became of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json
from stream_lines import Stage, settled

from cloud_marketdata.api.stream.messages import Op

pytestmark = pytest.mark.anyio

TRADES = {"name": "trades", "venue": "bybit-linear", "symbol": "BTCUSDT"}
NONE = TRADES | {"symbol": "NOSUCH"}
BEYOND = [{"op": "ping"}] * 3

EVERY = [
    ({"op": "subscribe", "channels": [TRADES]}, ("ws.subscribe", "ok", "")),
    (
        {"op": "subscribe", "channels": [TRADES, NONE]},
        ("ws.subscribe", "refused", "unknown_market"),
    ),
    ({"op": "unsubscribe", "channels": [NONE]}, ("ws.unsubscribe", "refused", "not_subscribed")),
    ({"op": "ping"}, ("ws.ping", "ok", "")),
    ({"op": "list"}, ("ws.list", "ok", "")),
    ({"op": "auth"}, ("ws.auth", "ok", "")),
    ({"op": "auth", "key": "x"}, ("ws.auth", "refused", "key_invalid")),
    ({"op": "subscribe"}, ("ws.subscribe", "refused", "invalid_request")),
    ({"op": "dance"}, ("ws.unreadable", "refused", "unknown_op")),
    ("{", ("ws.unreadable", "refused", "bad_json")),
    (b"", ("ws.unreadable", "refused", "not_text")),
]


@pytest.mark.parametrize(("message", "event"), EVERY, ids=[f"{n}" for n in range(len(EVERY))])
async def test_each_request_is_one_event(message, event):
    async with Stage() as stage:
        line = await stage.connect()
        await line.say(message)
        line.give({"type": "websocket.disconnect", "code": 1000})
        await line.served

    assert stage.guarded.told() == [("ws.connect", "ok", ""), event, ("ws.close", "ok", "")]


def test_every_operation_there_is_was_walked():
    assert {one["op"] for one, _ in EVERY if isinstance(one, dict)} > set(Op)


async def test_a_refused_handshake_leaves_its_event_to_the_edge():
    async with Stage(stream_connections=1) as stage:
        await stage.connect()
        await stage.connect()

        assert stage.guarded.told() == [("ws.connect", "ok", "")]


async def test_events_say_who_it_was_at_that_moment_and_never_with_what():
    async with Stage(require_keys="always") as stage:
        key = await stage.guarded.key()
        line = await stage.connect(address="192.0.2.7")
        await line.say({"op": "list"}, {"op": "auth", "key": key}, {"op": "list"})
        line.give({"type": "websocket.disconnect", "code": 1000})
        await line.served
    events = stage.guarded.events

    named = [(one.action, one.code, one.key_id, one.owner) for one in events]
    known = (key.split("_")[2], "tester")
    assert named == [
        ("ws.connect", "", "", ""),
        ("ws.list", "key_missing", "", ""),
        ("ws.auth", "", *known),
        ("ws.list", "", *known),
        ("ws.close", "", *known),
    ]
    assert {(one.address, one.surface, one.request_id) for one in events} == {
        ("192.0.2.7", "ws", "r-1")
    }
    assert key not in json.encode(events).decode()


async def test_the_end_says_why_how_long_and_how_much():
    async with Stage() as stage:
        line = await stage.connect()
        await line.ask({"op": "ping"})
        await stage.clock.turn(3)
        stage.readers.stop()
        await line.served
        sent = [one for one in line.sent if one["type"] == "websocket.send"]
    last = stage.guarded.events[-1]

    assert (last.action, last.outcome, last.code, last.status) == (
        "ws.close",
        "ok",
        "stopping",
        1012,
    )
    assert last.latency_us == 3_000_000
    # The pong; the farewell is the end itself.
    assert last.params == {"frames": "1"}
    assert last.bytes > 0
    assert len(sent) == 1


async def test_a_flood_is_recorded_request_by_request_and_not_beyond_its_end():
    async with Stage(stream_controls_per_s=2) as stage:
        line = await stage.connect()
        await line.say(*[{"op": "ping"}] * 10)
        await line.served
    told = stage.guarded.told()

    refused = ("ws.unreadable", "refused", "too_many_requests")
    assert told == [
        ("ws.connect", "ok", ""),
        *[("ws.ping", "ok", "")] * 2,
        *[refused] * 2,
        ("ws.close", "refused", "too_many_requests"),
    ]


async def test_channels_are_named_and_bounded():
    async with Stage() as stage:
        line = await stage.connect()
        many = [TRADES | {"symbol": f"S{n}", "from": 1} for n in range(30)]
        await line.say({"op": "subscribe", "channels": [*many, "x", {"name": [1]}]})
    told = stage.guarded.events[1].params["channels"]

    assert told.startswith("trades:bybit-linear:S0;from, trades:bybit-linear:S1;from, ")
    assert told.endswith("and 12 more")


@given(
    st.lists(
        st.one_of(
            st.text(),
            st.binary(),
            st.fixed_dictionaries(
                {"op": st.sampled_from([*Op, "x"])},
                optional={
                    "key": st.text(),
                    "channels": st.lists(st.dictionaries(st.text(), st.text() | st.integers())),
                },
            ),
        ),
        max_size=8,
    )
)
async def test_as_many_events_as_requests(messages):
    async with Stage(stream_controls_per_s=100) as stage:
        line = await stage.connect()
        await line.say(*messages)
        await settled()
        answered = len([one for one in line.heard() if "ok" in one])
        line.give({"type": "websocket.disconnect", "code": 1000})
        await line.served

    assert len(stage.guarded.events) == answered + 2
