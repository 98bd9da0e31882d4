import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json
from pydantic import TypeAdapter
from stream_lines import Stage, settled

from cloud_marketdata.api.stream.messages import (
    Authed,
    ChannelsReply,
    Farewell,
    ListReply,
    Pong,
    Refused,
)
from cloud_marketdata.api.stream.ports import Channel, ChannelName
from cloud_marketdata.core.errors import NotReadyError

pytestmark = pytest.mark.anyio

TRADES = {"name": "trades", "venue": "bybit-linear", "symbol": "BTCUSDT"}
DEPTH = {"name": "depth", "venue": "bybit-linear", "symbol": "BTCUSDT"}
HEARD = Channel(ChannelName.TRADES, "bybit-linear", "BTCUSDT")
ANSWERS = TypeAdapter(Pong | Authed | ListReply | ChannelsReply | Refused | Farewell)


def subscribe(*channels: dict, **more: object):
    return {"op": "subscribe", "id": 1, "channels": list(channels)} | more


async def test_the_reply_leaves_before_the_first_frame_and_says_what_was_filled_in():
    async with Stage() as stage:
        line = await stage.connect()
        await line.say(subscribe(TRADES, DEPTH, id="a"))
        reply, *frames = line.heard()

    assert (reply["op"], reply["id"], reply["ok"]) == ("subscribe", "a", True)
    assert [one["ok"] for one in reply["results"]] == [True, True]
    assert reply["results"][1]["params"] == {"levels": 50}
    assert [(one["channel"], one["type"]) for one in frames] == [
        ("trades", "snapshot"),
        ("depth", "snapshot"),
    ]


async def test_each_channel_is_answered_by_itself():
    async with Stage() as stage:
        line = await stage.connect()
        wrong = [TRADES | {"symbol": "NOSUCH"}, DEPTH | {"levels": "many"}, {"name": "news"}]
        reply = await line.ask(subscribe(TRADES, TRADES, *wrong))

        assert not reply["ok"]
        assert [one.get("code") for one in reply["results"]] == [
            None,
            "already_subscribed",
            "unknown_market",
            "invalid_request",
            "invalid_request",
        ]
        assert reply["results"][3]["errors"][0]["parameter"] == "levels"
        assert stage.readers.refused == {
            "already_subscribed": 1,
            "unknown_market": 1,
            "invalid_request": 2,
        }


async def test_updates_come_until_unsubscribed_and_none_after():
    async with Stage() as stage:
        line = await stage.connect()
        await line.ask(subscribe(TRADES, snapshot=False))
        stage.hub.publish(HEARD)
        await settled()
        assert [one["seq"] for one in line.heard()] == [1]

        stage.hub.publish(HEARD)
        await line.say({"op": "unsubscribe", "id": 2, "channels": [TRADES]})
        stage.hub.publish(HEARD)
        await settled()
        *before, reply = line.heard()

        assert [one["seq"] for one in before] in ([], [2])
        assert (reply["op"], reply["ok"]) == ("unsubscribe", True)
        assert stage.hub.listeners[HEARD] == []
        again = await line.ask({"op": "unsubscribe", "channels": [TRADES]})
        assert again["results"][0]["code"] == "not_subscribed"


async def test_a_connection_listens_to_so_many_channels_and_no_more():
    async with Stage(stream_subscriptions=2) as stage:
        line = await stage.connect()
        many = [TRADES | {"symbol": symbol} for symbol in ("AAA", "BBB", "CCC")]
        reply = await line.ask(subscribe(*many))

        assert [one.get("code") for one in reply["results"]] == [
            None,
            None,
            "too_many_subscriptions",
        ]
        assert stage.readers.subscriptions == 2
        line.give({"type": "websocket.disconnect", "code": 1000})
        await settled()
        assert stage.readers.subscriptions == 0


async def test_a_replay_goes_on_behind_a_place_and_says_when_it_has_caught_up():
    async with Stage() as stage:
        for _ in range(5):
            stage.hub.publish(HEARD)
        line = await stage.connect()
        place = {"epoch": "counted", "seq": 2}
        await line.say(subscribe(TRADES | {"from": place}))
        stage.hub.publish(HEARD)
        await settled()
        told = [(one["type"], one["seq"]) for one in line.heard()[1:]]

    assert told == [("update", 3), ("update", 4), ("update", 5), ("caught_up", 5), ("update", 6)]


async def test_only_trades_can_be_replayed():
    async with Stage() as stage:
        line = await stage.connect()
        reply = await line.ask(subscribe(DEPTH | {"from": 1_700_000_000_000}))

    assert reply["results"][0]["code"] == "bad_request"


async def test_a_channel_that_cannot_be_joined_is_over_and_the_connection_lives():
    async with Stage() as stage:
        stage.hub.broken = NotReadyError("the hub starts")
        line = await stage.connect()
        await line.say(subscribe(TRADES))
        reply, over = line.heard()

        assert reply["ok"]
        assert over["data"] == {"code": "not_ready", "detail": "the hub starts", "ended": True}
        assert (await line.ask({"op": "list"}))["channels"] == []
        assert stage.readers.refused == {"not_ready": 1}
        stage.hub.broken = None
        assert (await line.ask(subscribe(TRADES)))["ok"]


async def test_list_tells_what_is_listened_to():
    async with Stage() as stage:
        line = await stage.connect()
        await line.ask(subscribe(DEPTH | {"levels": 7}))
        line.heard()
        reply = await line.ask({"op": "list", "id": None})

    assert reply["channels"] == [DEPTH | {"params": {"levels": 7}, "live": True}]


WRONG = [
    ("{", "bad_json"),
    ("[]", "bad_json"),
    ("[" * 100_000, "too_large"),
    ("[" * 60_000, "bad_json"),
    (b"\x00", "not_text"),
    ({"op": "buy"}, "unknown_op"),
    ({"op": 7}, "unknown_op"),
    ({}, "unknown_op"),
    ({"op": "ping", "more": 1}, "invalid_request"),
    ({"op": "ping", "id": [1]}, "invalid_request"),
    ({"op": "subscribe"}, "invalid_request"),
    ({"op": "subscribe", "channels": []}, "invalid_request"),
    ({"op": "subscribe", "channels": [1]}, "invalid_request"),
    ({"op": "subscribe", "channels": [{}] * 501}, "invalid_request"),
    ({"op": "unsubscribe", "channels": [{}] * 501}, "invalid_request"),
]


@pytest.mark.parametrize(
    ("message", "code"), WRONG, ids=[f"{n}-{w[1]}" for n, w in enumerate(WRONG)]
)
async def test_what_cannot_be_read_is_refused_with_a_code_and_counted(message, code):
    async with Stage() as stage:
        line = await stage.connect()
        reply = await line.ask(message)

        assert (reply["ok"], reply["code"]) == (False, code)
        assert stage.readers.refused == {code: 1}
        assert (await line.ask({"op": "ping"}))["ok"]


@given(
    st.one_of(
        st.text(),
        st.binary(),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        ),
        st.fixed_dictionaries(
            {"op": st.sampled_from(["subscribe", "unsubscribe", "ping", "auth", "list"])},
            optional={
                "id": st.text() | st.integers() | st.none() | st.floats(),
                "snapshot": st.booleans() | st.text(),
                "channels": st.lists(
                    st.dictionaries(
                        st.sampled_from(["name", "venue", "symbol", "from", "levels"]),
                        st.sampled_from(["trades", "depth", "x", 1, None, {"epoch": "", "seq": 1}]),
                    )
                ),
            },
        ),
    )
)
async def test_whatever_a_client_sends_is_answered_once_in_the_described_form(message):
    async with Stage() as stage:
        line = await stage.connect()
        if not isinstance(message, str | bytes):
            message = json.encode(message).decode()
        await line.say(message)
        replies = [one for one in line.heard() if "type" not in one]

        assert len(replies) == 1
        ANSWERS.validate_python(replies[0])


async def test_too_many_requests_are_refused_and_a_flood_ends_the_connection():
    async with Stage(stream_controls_per_s=3) as stage:
        line = await stage.connect()
        await line.say(*[{"op": "ping"}] * 4)
        codes = [one.get("code") for one in line.heard()]
        assert codes == [None, None, None, "too_many_requests"]

        await stage.clock.turn(1)
        assert (await line.ask({"op": "ping"}))["ok"]
        await line.say(*[{"op": "ping"}] * 5)
        *_, last = line.heard()

        assert (last["op"], last["close"], last["code"]) == ("close", 4429, "too_many_requests")
        assert line.sent[-1] == {
            "type": "websocket.close",
            "code": 4429,
            "reason": "too_many_requests",
        }
        assert stage.readers.parted == {"too_many_requests": 1}
