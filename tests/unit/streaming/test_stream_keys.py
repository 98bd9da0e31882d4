"""Who may read the stream: keys that are shown late, wrong, twice, or lost in mid-stream."""

import pytest
from msgspec import json
from stream_lines import Stage, settled

from cloud_marketdata.api.stream.messages import Authed, Farewell, Notice, Refused
from cloud_marketdata.api.stream.ports import Channel, ChannelName
from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.security.identity import LOCAL, Scope

pytestmark = pytest.mark.anyio

TRADES = {"name": "trades", "venue": "bybit-linear", "symbol": "BTCUSDT"}
TAPE = Channel(ChannelName.TRADES, "bybit-linear", "BTCUSDT")
SUBSCRIBE = {"op": "subscribe", "channels": [TRADES]}
DAY = 86_400


def asking(**settings: object) -> Stage:
    """Return a stage on which nobody is answered without a key."""
    return Stage(require_keys="always", **settings)


def auth(key: str):
    return {"op": "auth", "id": "a", "key": key}


async def parted(line) -> dict:
    """Return the last message of a connection that was closed, and check the close frame."""
    await settled()
    last = Farewell.model_validate(line.heard()[-1])
    closed = line.sent[-1]
    assert (closed["type"], closed["code"]) == ("websocket.close", last.close)
    return {"close": last.close, "code": last.code}


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


async def test_a_revoked_key_ends_its_stream_within_seconds_and_what_waits_is_not_sent():
    async with asking(key_cache_s=2) as stage:
        line, other = await stage.connect(), await stage.connect()
        lost, kept = await stage.guarded.key(), await stage.guarded.key()
        for one, key in ((line, lost), (other, kept)):
            await one.ask(auth(key))
            await one.ask(SUBSCRIBE)
            one.heard()
        await stage.guarded.desk.revoke(lost.split("_")[2])
        for _ in range(3):
            await stage.clock.turn(1)
        assert await parted(line) == {"close": 4401, "code": "key_revoked"}
        stage.hub.publish(TAPE)
        await settled()

        assert line.heard() == []
        assert [one["seq"] for one in other.heard()] == [1]
        assert stage.guarded.rounds.revoked == 1
        assert len(stage.hub.listeners[TAPE]) == 1


async def test_what_waits_for_a_slow_reader_is_not_sent_after_its_key_was_revoked():
    async with asking(key_cache_s=2) as stage:
        line = await stage.connect()
        key = await stage.guarded.key()
        await line.ask(auth(key))
        await line.ask(SUBSCRIBE)
        line.heard()
        line.stick()
        for _ in range(20):
            stage.hub.publish(TAPE, "x" * 100)
        await settled()
        await stage.guarded.desk.revoke(key.split("_")[2])
        for _ in range(3):
            await stage.clock.turn(1)
        line.unstick()
        await settled()
        *sent, last = line.heard()

        # The one frame that was on its way when the reader stopped.
        assert [one["seq"] for one in sent] == [1]
        assert last["code"] == "key_revoked"


async def test_an_expired_key_ends_its_stream():
    async with asking(key_days=1, key_rotate_days=1, key_grace_hours=1) as stage:
        line = await stage.connect()
        await line.ask(auth(await stage.guarded.key()))
        await stage.clock.turn(25 * 3600 - 5)
        assert [one["code"] for one in line.heard()] == ["key_retired"]
        await stage.clock.turn(10)

        assert await parted(line) == {"close": 4401, "code": "key_expired"}


async def test_a_key_that_is_to_be_replaced_is_told_of_once_a_day():
    async with asking() as stage:
        line = await stage.connect()
        key = await stage.guarded.key()
        await line.ask(auth(key))
        codes = []
        for _ in range(33 * 4):
            await stage.clock.turn(DAY / 4)
            told = [one for one in line.heard() if one["op"] == "notice"]
            codes += [Notice.model_validate(one).code for one in told]
            if line.sent[-1]["type"] == "websocket.close":
                break

    # Rotation is due from day 23 on, the key retires on day 30, and ends on day 33.
    assert codes == ["key_rotation_due"] * 7 + ["key_retired"] * 3


async def test_a_key_that_was_rotated_meanwhile_is_told_of_at_the_next_look():
    async with asking(key_grace_hours=2) as stage:
        line = await stage.connect()
        key = await stage.guarded.key()
        await line.ask(auth(key))
        await stage.guarded.desk.rotate(key.split("_")[2])
        for _ in range(3):
            await stage.clock.turn(1)
        [told] = line.heard()

        assert Notice.model_validate(told).code == "key_retired"
        assert told["ends_at"] == stage.clock.now() // 1_000_000 - 3000 + 2 * 3_600_000


async def away(_key_id: str) -> None:
    msg = "the store is away"
    raise StorageError(msg)


async def test_a_key_ends_in_its_time_also_while_keys_cannot_be_looked_up(monkeypatch):
    async with asking(key_days=1, key_rotate_days=1, key_grace_hours=1) as stage:
        line = await stage.connect()
        await line.ask(auth(await stage.guarded.key()))
        monkeypatch.setattr(stage.guarded.keys, "find", away)
        await stage.clock.turn(25 * 3600 - 5)
        assert (await line.ask({"op": "ping"}))["ok"]
        await stage.clock.turn(10)

        assert await parted(line) == {"close": 4401, "code": "key_expired"}


async def test_while_the_keys_cannot_be_looked_up_nobody_is_cut_off(monkeypatch):
    async with asking() as stage:
        line = await stage.connect()
        key = await stage.guarded.key()
        await line.ask(auth(key))
        await stage.guarded.desk.revoke(key.split("_")[2])
        with monkeypatch.context() as patch:
            patch.setattr(stage.guarded.keys, "find", away)
            for _ in range(5):
                await stage.clock.turn(1)
            assert (await line.ask({"op": "ping"}))["ok"]
            assert stage.guarded.rounds.unanswered > 0
        for _ in range(3):
            await stage.clock.turn(1)

        assert await parted(line) == {"close": 4401, "code": "key_revoked"}


async def test_one_look_up_serves_all_connections_of_a_key():
    async with asking(key_cache_s=0) as stage:
        key = await stage.guarded.key()
        lines = [await stage.connect() for _ in range(10)]
        for line in lines:
            await line.ask(auth(key))
        before = (await stage.guarded.keyring.pulse()).detail["lookups"]
        await stage.guarded.rounds.go()

        assert (await stage.guarded.keyring.pulse()).detail["lookups"] == before + 1


async def test_seats_are_counted_by_address_and_by_key_and_freed_again():
    async with asking(stream_per_ip=2, stream_per_key=1) as stage:
        key = await stage.guarded.key()
        first, second = await stage.connect(), await stage.connect()
        third = await stage.connect()
        assert third.sent[0]["status"] == 429
        assert dict(third.sent[0]["headers"])[b"retry-after"] == b"5"
        assert json.decode(third.sent[1]["body"])["code"] == "quota_exceeded"

        assert (await first.ask(auth(key)))["ok"]
        refused = await second.ask(auth(key))
        assert (refused["code"], refused["retry_after_s"]) == ("quota_exceeded", 5.0)
        first.give({"type": "websocket.disconnect", "code": 1000})
        await settled()
        assert (await second.ask(auth(key)))["ok"]
        assert (await stage.connect()).sent[0]["type"] == "websocket.accept"


async def test_a_seat_moves_with_the_key():
    async with asking(stream_per_key=1) as stage:
        line, other = await stage.connect(), await stage.connect()
        first, second = await stage.guarded.key(), await stage.guarded.key()
        for key in (first, second, second):
            assert (await line.ask(auth(key)))["ok"]
        assert (await stage.guarded.seats.pulse()).detail["held"]["key"] == 1
        assert (await other.ask(auth(second)))["code"] == "quota_exceeded"
        assert (await other.ask(auth(first)))["ok"]


async def test_a_key_that_is_exchanged_while_the_old_one_is_looked_up_saves_its_stream(monkeypatch):
    async with asking(key_cache_s=0) as stage:
        line = await stage.connect()
        first, second = await stage.guarded.key(), await stage.guarded.key()
        await line.ask(auth(first))
        await stage.guarded.desk.revoke(first.split("_")[2])
        find = stage.guarded.keys.find

        async def slowly(key_id: str) -> object:
            record = await find(key_id)
            if key_id == first.split("_")[2]:
                await line.say(auth(second))
            return record

        monkeypatch.setattr(stage.guarded.keys, "find", slowly)
        await stage.guarded.rounds.go()
        await settled()

        assert [one["ok"] for one in line.heard()] == [True]
        assert stage.guarded.rounds.revoked == 0


async def test_who_comes_from_this_machine_without_a_key_needs_no_seat():
    async with Stage(stream_per_ip=1) as stage:
        for _ in range(3):
            line = await stage.connect(LOCAL)
            assert (await line.ask({"op": "ping"}))["ok"]


async def test_requests_are_charged_to_the_key_and_a_flood_of_refused_ones_ends_it():
    async with asking(stream_controls_per_s=5) as stage:
        line = await stage.connect()
        key = await stage.guarded.key(per_minute=20)
        await line.ask(auth(key))
        # A channel costs what its question costs: 2 for trades, 5 for a profile.
        profile = TRADES | {"name": "volume-profile"}
        assert (await line.ask({"op": "subscribe", "channels": [TRADES, profile]}))["ok"]
        line.heard()
        place = {"from": {"epoch": "counted", "seq": 0}}
        asked = {"op": "subscribe", "channels": [TRADES | {"symbol": "ETHUSDT"} | place]}
        assert (await line.ask(asked))["ok"]
        line.heard()
        # 1 for the connection, 7 and 12 for the channels: nothing is left of 20.
        refused = Refused.model_validate(await line.ask({"op": "ping"}))
        assert refused.code == "quota_exceeded"
        assert 0 < refused.retry_after_s <= 3

        for _ in range(4):
            await stage.clock.turn(0.25)
            await line.say({"op": "list"})
        assert await parted(line) == {"close": 4429, "code": "too_many_requests"}


async def test_events_stop_when_their_key_is_revoked_and_the_edge_is_told_why():
    async with asking() as stage:
        key = await stage.guarded.key()
        knock = stage.visit("rest", None, "").knock._replace(key=key)
        identity = await stage.guarded.gate.identify(knock)
        line = await stage.get("channels=trades:bybit-linear:BTCUSDT", identity=identity)
        await stage.guarded.desk.revoke(identity.key_id)
        for _ in range(3):
            await stage.clock.turn(1)
        await line.served

        last = line.sent[-2]["body"].decode().removeprefix("data: ")
        assert json.decode(last)["code"] == "key_revoked"
        assert line.sent[-1]["more_body"] is False
        assert (line.visit.code, line.visit.outcome) == ("key_revoked", "refused")


async def test_an_identity_of_events_takes_a_seat_of_its_key():
    async with asking(stream_per_key=1) as stage:
        key = await stage.guarded.key()
        knock = stage.visit("rest", None, "").knock._replace(key=key)
        identity = await stage.guarded.gate.identify(knock)
        await stage.get("channels=trades:bybit-linear:BTCUSDT", identity=identity)
        second = await stage.get("channels=trades:bybit-linear:BTCUSDT", identity=identity)
        await second.served

        assert second.sent[0]["status"] == 429


async def test_requests_without_a_key_are_charged_to_their_address_whatever_they_say():
    async with asking(limit_per_ip=5) as stage:
        line = await stage.connect(address="192.0.2.7")
        for message in ({"op": "ping"}, {"op": "list"}, "{", {"op": "dance"}, b""):
            assert (await line.ask(message)).get("code") != "quota_exceeded"
        refused = Refused.model_validate(await line.ask({"op": "ping", "id": 7}))

        assert (refused.code, refused.op, refused.id) == ("quota_exceeded", "ping", 7)
