"""Keys that are lost or replaced while a stream lasts; the clock is moved."""

import pytest
from msgspec import json
from stream_keyed import SUBSCRIBE, TAPE, asking, auth, parted
from stream_lines import settled

from cloud_marketdata.api.stream.messages import Notice
from cloud_marketdata.core.errors import StorageError

pytestmark = pytest.mark.anyio

DAY = 86_400


async def away(_key_id: str) -> None:
    msg = "the store is away"
    raise StorageError(msg)


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
