"""What a reader may take: seats of its address and its key, and units of their limits."""

import pytest
from msgspec import json
from stream_keyed import TRADES, asking, auth, parted
from stream_lines import Stage, settled

from cloud_marketdata.api.stream.messages import Refused
from cloud_marketdata.security.identity import LOCAL

pytestmark = pytest.mark.anyio


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
