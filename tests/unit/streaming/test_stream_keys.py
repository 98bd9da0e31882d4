"""Who may read the stream: keys that are shown late, wrong, twice, or in the wrong place."""

import pytest
from msgspec import json
from stream_keyed import SUBSCRIBE, TAPE, TRADES, asking, auth, parted
from stream_lines import Stage, settled

from cloud_marketdata.api.stream.messages import Authed, Refused
from cloud_marketdata.security.identity import Scope

pytestmark = pytest.mark.anyio


async def test_without_a_key_nothing_but_ping_is_answered_until_one_is_shown():
    async with asking() as stage:
        line = await stage.connect()
        for op in (SUBSCRIBE, {"op": "list"}, {"op": "auth"}):
            refused = Refused.model_validate(await line.ask(op))
            assert refused.code == "key_missing"
        assert (await line.ask({"op": "ping"}))["ok"]
        assert stage.hub.listeners[TAPE] == []

        key = await stage.guarded.key()
        reply = Authed.model_validate(await line.ask(auth(key)))
        assert (reply.id, reply.required, reply.owner) == ("a", True, "tester")
        assert reply.key_id == key.split("_")[2]
        assert reply.scopes == ["market:read", "stream:read"]
        assert (await line.ask(SUBSCRIBE))["ok"]


async def test_who_shows_no_key_in_time_is_told_so_and_let_go():
    async with asking() as stage:
        line = await stage.connect()
        await stage.clock.turn(4.9)
        assert (await line.ask({"op": "ping"}))["ok"]
        await stage.clock.turn(0.2)

        assert await parted(line) == {"close": 4401, "code": "key_missing"}
        assert stage.readers.parted == {"key_missing": 1}


async def test_who_has_shown_a_key_in_time_stays():
    async with asking() as stage:
        line = await stage.connect()
        await line.ask(auth(await stage.guarded.key()))
        await stage.clock.turn(10)

        assert (await line.ask({"op": "ping"}))["ok"]


async def test_three_wrong_keys_end_a_connection_and_cost_its_address():
    async with asking(limit_per_ip=34) as stage:
        line = await stage.connect()
        good = await stage.guarded.key()
        wrong = good[:-1] + ("a" if good[-1] != "a" else "b")
        for _ in range(2):
            refused = Refused.model_validate(await line.ask(auth(wrong)))
            assert (refused.code, refused.op, refused.id) == ("key_invalid", "auth", "a")
        await line.say(auth("nothing like a key"))
        reply = line.heard()[0]
        assert reply["code"] == "key_invalid"
        assert line.sent[-1]["code"] == 4401
        assert stage.readers.parted == {"key_invalid": 1}

        # 3 attempts and 3 fines of 10 are 33 of 34 units: one attempt is left to this address.
        again = await stage.connect()
        assert Refused.model_validate(await again.ask(auth(wrong))).code == "key_invalid"
        over = Refused.model_validate(await again.ask(auth(good)))
        assert over.code == "quota_exceeded"
        assert over.retry_after_s > 0


async def test_a_wrong_key_is_never_repeated_in_an_answer():
    async with asking() as stage:
        line = await stage.connect()
        key = await stage.guarded.key()
        for message in (
            auth(key + "0"),
            {"op": "auth", "key": [key]},
            {"op": "auth", "id": key},
            {"op": key},
            {"op": "subscribe", "channels": [TRADES | {"symbol": key}]},
            {"op": "subscribe", "channels": [TRADES], key: 1},
        ):
            await line.say(message)
        told = json.encode(line.sent).decode()

    assert "key_invalid" in told
    assert key[20:] not in told


@pytest.mark.parametrize(
    "message",
    [
        {"op": "subscribe", "channels": [TRADES | {"api_key": "KEY"}]},
        {"op": "subscribe", "channels": [TRADES | {"symbol": "xKEYx"}]},
        {"op": "ping", "id": "KEY"},
        {"op": "auth", "id": "KEY"},
        {"op": "ping", "key": "KEY"},
    ],
)
async def test_a_key_where_none_belongs_is_refused_unread(message):
    async with Stage() as stage:
        key = await stage.guarded.key()
        line = await stage.connect()
        text = json.encode(message).decode().replace("KEY", key)
        for hidden in (text, text.replace("cmd_", "\\u0063md_")):
            refused = Refused.model_validate(await line.ask(hidden))
            assert (refused.code, refused.id) == ("key_in_query", None)


async def test_a_key_that_may_not_read_the_stream_ends_a_connection_without_another():
    async with asking() as stage:
        line = await stage.connect()
        unable = await stage.guarded.key("market:read")
        await line.say(auth(unable))
        reply, last = line.heard()

        assert (reply["ok"], reply["code"]) == (False, "scope_missing")
        assert (last["close"], last["code"]) == (4403, "scope_missing")
        assert line.sent[-1]["code"] == 4403


async def test_a_key_that_may_not_read_the_stream_is_refused_before_the_handshake_is_over():
    async with asking() as stage:
        unable = await stage.guarded.gate.identify(
            stage.visit("ws", None, "").knock._replace(key=await stage.guarded.key("market:read"))
        )
        line = await stage.connect(unable)

        assert line.sent[0]["status"] == 403
        assert json.decode(line.sent[1]["body"])["code"] == "scope_missing"


async def test_another_key_takes_the_place_of_the_first_and_nothing_is_lost():
    async with asking() as stage:
        line = await stage.connect()
        first = await stage.guarded.key()
        await line.ask(auth(first))
        await line.ask(SUBSCRIBE)
        line.heard()
        second = await stage.guarded.desk.rotate(first.split("_")[2])
        reply = await line.ask(auth(second.key))
        assert reply["key_id"] == second.record.id

        await stage.guarded.desk.revoke(first.split("_")[2])
        await stage.clock.turn(10)
        stage.hub.publish(TAPE)
        await settled()
        assert [one["seq"] for one in line.heard()] == [1]


async def test_a_bad_key_leaves_the_good_one_in_force():
    async with asking() as stage:
        line = await stage.connect()
        await line.ask(auth(await stage.guarded.key()))
        await line.ask(SUBSCRIBE)
        line.heard()
        assert (await line.ask(auth("no key")))["code"] == "key_invalid"
        unable = await stage.guarded.key("market:read")
        assert (await line.ask(auth(unable)))["code"] == "scope_missing"
        assert (await line.ask({"op": "list"}))["channels"]
        stage.hub.publish(TAPE)
        await settled()

        assert [one["seq"] for one in line.heard()] == [1]


async def test_who_comes_from_this_machine_is_told_that_no_key_is_needed():
    async with Stage() as stage:
        line = await stage.connect()
        reply = Authed.model_validate(await line.ask({"op": "auth", "id": 9}))

        assert (reply.id, reply.required, reply.owner, reply.key_id) == (9, False, "local", None)
        assert set(reply.scopes) == set(Scope)
        assert (await line.ask(auth("cmd_live_")))["code"] == "key_invalid"
        assert (await line.ask(auth(await stage.guarded.key())))["owner"] == "tester"
