import pytest
from msgspec import json
from stream_lines import Stage, settled

from cloud_marketdata.api.stream.ports import Channel, ChannelName

pytestmark = pytest.mark.anyio

TRADES = {"name": "trades", "venue": "bybit-linear", "symbol": "BTCUSDT"}
DEPTH = {"name": "depth", "venue": "bybit-linear", "symbol": "BTCUSDT"}
TAPE = Channel(ChannelName.TRADES, "bybit-linear", "BTCUSDT")
BOOK = Channel(ChannelName.DEPTH, "bybit-linear", "BTCUSDT", (("levels", 50),))
KB = "x" * 1000


def subscribe(*channels: dict):
    return {"op": "subscribe", "channels": list(channels)}


async def flood(stage, channel, count=100):
    for _ in range(count):
        stage.hub.publish(channel, KB)
    await settled()


async def test_a_reader_too_many_is_refused_before_the_handshake_with_a_problem():
    async with Stage(stream_connections=1) as stage:
        await stage.connect()
        line = await stage.connect()
        start, body = line.sent

        assert (start["type"], start["status"]) == ("websocket.http.response.start", 503)
        headers = dict(start["headers"])
        assert headers[b"content-type"] == b"application/problem+json"
        assert headers[b"retry-after"] == b"5"
        assert json.decode(body["body"])["code"] == "too_many_connections"
        pulse = await stage.readers.pulse()
        assert (pulse.state, pulse.ok) == ("full", False)
        assert pulse.detail["refused"] == {"too_many_connections": 1}


async def test_a_seat_is_free_again_when_a_reader_has_left():
    async with Stage(stream_connections=1) as stage:
        line = await stage.connect()
        await line.ask(subscribe(TRADES))
        line.give({"type": "websocket.disconnect", "code": 1001})
        await settled()

        assert stage.hub.listeners[TAPE] == []
        assert (await (await stage.connect()).ask({"op": "ping"}))["ok"]


async def test_a_slow_reader_of_trades_is_told_off_with_the_place_to_resume_from():
    async with Stage(stream_outbox_kb=64) as stage:
        slow, quick = await stage.connect(), await stage.connect()
        for line in (slow, quick):
            await line.ask(subscribe(TRADES))
        await flood(stage, TAPE, 2)
        slow.stick()
        for _ in range(10):
            await flood(stage, TAPE, 10)
        slow.unstick()
        await settled()

        *_, frame, last = slow.heard()
        # The frame that was on its way when the reader stopped still arrives.
        assert (frame["type"], frame["seq"]) == ("update", 3)
        assert (last["close"], last["code"]) == (4408, "slow_reader")
        assert last["last"] == [TRADES | {"epoch": "counted", "seq": 3}]
        assert slow.sent[-1]["code"] == 4408
        assert [one["seq"] for one in quick.heard()[1:]] == list(range(1, 103))
        assert stage.hub.listeners[TAPE] != []
        assert (await stage.readers.pulse()).detail["parted"] == {"slow_reader": 1}


async def test_a_slow_reader_of_a_book_gets_a_fresh_one_and_is_told_what_was_left_out():
    async with Stage(stream_outbox_kb=64) as stage:
        line = await stage.connect()
        await line.ask(subscribe(DEPTH))
        line.heard()
        line.stick()
        await flood(stage, BOOK, 1)
        await flood(stage, BOOK, 199)
        line.unstick()
        await settled()
        await flood(stage, BOOK, 1)

        first, told, fresh, following = line.heard()
        assert (first["type"], first["seq"]) == ("update", 1)
        assert told["data"]["code"] == "conflated"
        assert told["data"]["conflated"] == 199
        assert (fresh["type"], fresh["seq"]) == ("snapshot", 200)
        assert (following["prev_seq"], following["seq"]) == (200, 201)
        assert (await stage.readers.pulse()).detail["conflated"] == 199


async def test_what_waits_for_a_stuck_reader_is_bounded():
    async with Stage(stream_outbox_kb=64) as stage:
        line = await stage.connect()
        await line.ask(subscribe(TRADES, DEPTH))
        line.stick()
        for _ in range(20):
            await flood(stage, BOOK, 20)
            assert (await stage.readers.pulse()).detail["waiting_bytes"] <= 64 * 1024
            await flood(stage, TAPE, 1)


async def test_a_reader_that_takes_nothing_is_let_go_after_its_time():
    async with Stage(stream_send_timeout_s=5.0) as stage:
        line = await stage.connect()
        await line.ask(subscribe(TRADES))
        line.stick()
        await flood(stage, TAPE, 2)
        for _ in range(2):
            await stage.clock.turn(2.5)
            assert len(stage.hub.listeners[TAPE]) == 1
        await stage.clock.turn(2.5)

        assert stage.hub.listeners[TAPE] == []
        assert stage.readers.parted == {"dead_reader": 1}


async def test_a_reader_that_takes_something_now_and_then_is_kept():
    async with Stage(stream_send_timeout_s=5.0) as stage:
        line = await stage.connect()
        await line.ask(subscribe(TRADES))
        for _ in range(6):
            line.stick()
            await flood(stage, TAPE, 2)
            await stage.clock.turn(2.5)
            line.unstick()
            await settled()

        assert len(stage.hub.listeners[TAPE]) == 1
        assert stage.readers.parted == {}


async def test_all_readers_are_told_when_the_service_stops():
    async with Stage() as stage:
        line = await stage.connect()
        await line.ask(subscribe(TRADES))
        line.heard()
        stage.readers.stop()
        await settled()
        (last,) = line.heard()

        assert (last["op"], last["close"], last["code"]) == ("close", 1012, "stopping")
        assert line.sent[-1]["code"] == 1012
        late = await stage.connect()
        assert json.decode(late.sent[1]["body"])["code"] == "stopping"


async def test_many_snapshots_at_once_do_not_outrun_their_reader():
    async with Stage(stream_outbox_kb=64) as stage:
        symbols = [f"S{n:03d}" for n in range(100)]
        for symbol in symbols:
            stage.hub.publish(Channel(ChannelName.TRADES, "bybit-linear", symbol))
        stage.hub.padding = "y" * 2000
        line = await stage.connect()
        await line.say(subscribe(*[TRADES | {"symbol": symbol} for symbol in symbols]))
        for _ in range(20):
            await settled()
        _, *snapshots = line.heard()

        assert [one["symbol"] for one in snapshots] == symbols
        assert stage.readers.parted == {}
