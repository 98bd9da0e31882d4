"""The hub: one feed for all who listen to the same, at work only while somebody does."""

import asyncio

import pytest
from studio import SYMBOL, VENUE, Ear, MovedClock, Studio, channel, settle, studio
from tape import TAPE, book

from cloud_marketdata.api.stream.asking import channel_of
from cloud_marketdata.api.stream.hub import LINGER_S
from cloud_marketdata.core.errors import LimitError, NotReadyError

pytestmark = pytest.mark.anyio
DEPTH = channel("depth", levels=5)


async def test_a_channel_is_made_once_however_many_listen(monkeypatch):
    async with studio() as stage:
        await stage.stores.books.publish([book(received_at=stage.clock.now())])
        ears = [await stage.listen(DEPTH) for _ in range(5)]
        asked = []
        ask = stage.market.queries.depth

        async def counted(question: object) -> object:
            asked.append(question)
            return await ask(question)

        monkeypatch.setattr(stage.market.queries, "depth", counted)
        await stage.stores.books.publish([book(update_id=78, received_at=stage.clock.now())])
        await stage.clock.move(0.1)
        pulse = await stage.hub.pulse()

    assert len(asked) == 1
    assert len({id(ear.texts[-1].text) for ear in ears}) == 1
    assert (pulse.detail["channels"], pulse.detail["listeners"]) == (1, 5)
    assert (pulse.group, pulse.name, pulse.ok) == ("processing", "stream channels", True)


async def test_joiners_at_one_moment_share_a_look(monkeypatch):
    async with studio() as stage:
        await stage.stores.books.publish([book(received_at=stage.clock.now())])
        asked = []
        ask = stage.market.queries.depth

        async def slow(question: object) -> object:
            asked.append(question)
            await settle(5)
            return await ask(question)

        monkeypatch.setattr(stage.market.queries, "depth", slow)
        ears = [Ear() for _ in range(50)]
        joins = [stage.hub.join(DEPTH, ear, snapshot=True, since=None) for ear in ears]
        await asyncio.gather(*joins)

    assert len(asked) <= 2
    assert all(len(ear.of("snapshot")) == 1 for ear in ears)


async def test_who_stands_behind_a_joiner_that_goes_away_is_not_shown_the_past(monkeypatch):
    async with studio(stream_depth_ms=60_000) as stage:
        now = stage.clock.now()
        await stage.stores.books.publish([book(received_at=now)])
        await stage.listen(DEPTH)
        gates = []
        ask = stage.market.queries.depth

        async def held(question: object) -> object:
            answer = await ask(question)
            gates.append(asyncio.Event())
            await gates[-1].wait()
            return answer

        monkeypatch.setattr(stage.market.queries, "depth", held)
        ears = [Ear() for _ in range(3)]
        joins = [
            asyncio.ensure_future(stage.hub.join(DEPTH, ear, snapshot=True, since=None))
            for ear in ears[:1]
        ]
        await settle()
        await stage.stores.books.publish([book(update_id=78, received_at=now)])
        joins += [
            asyncio.ensure_future(stage.hub.join(DEPTH, ear, snapshot=True, since=None))
            for ear in ears[1:]
        ]
        await settle()
        gates[0].set()
        await settle()
        joins[1].cancel()
        for _ in range(3):
            await settle()
            gates[-1].set()
        await asyncio.wait(joins)

    assert [frame["data"]["update_id"] for frame in ears[2].frames] == [78]


async def test_a_feed_outlives_its_last_listener_for_a_little_and_then_ends():
    async with studio() as stage:
        ear = await stage.listen(channel("trades"))
        stage.hub.leave(channel("trades"), ear)
        await stage.clock.move(LINGER_S - 1)
        lingering = (await stage.hub.pulse()).detail
        await stage.clock.move(3)
        ended = (await stage.hub.pulse()).detail
        await stage.market.append(TAPE[:3])
        await stage.clock.move(1)
        again = await stage.listen(channel("trades"))

    assert (lingering["channels"], lingering["listeners"]) == (1, 0)
    assert ended["channels"] == 0
    assert len(ear.frames) == 1
    assert len(again.frames[0]["data"]) == 3


async def test_a_made_channel_that_begins_anew_has_a_new_epoch():
    async with studio() as stage:
        await stage.stores.books.publish([book(received_at=stage.clock.now())])
        first = await stage.listen(DEPTH)
        stage.hub.leave(DEPTH, first)
        await stage.clock.move(LINGER_S + 2)
        second = await stage.listen(DEPTH)

    assert first.frames[0]["epoch"] != second.frames[0]["epoch"]


async def test_there_are_only_so_many_channels_and_an_idle_one_makes_room():
    async with studio(stream_channels=2) as stage:
        await stage.stores.books.publish([book(received_at=stage.clock.now())])
        one = await stage.listen(channel("depth", levels=1))
        await stage.listen(channel("depth", levels=2))
        with pytest.raises(LimitError, match="2 different channels"):
            await stage.listen(channel("depth", levels=3))
        stage.hub.leave(channel("depth", levels=1), one)
        third = await stage.listen(channel("depth", levels=3))
        pulse = await stage.hub.pulse()

    assert len(third.frames[0]["data"]["bids"]) == 3
    assert pulse.detail["channels"] == 2
    assert pulse.detail["refused"] == {"limit_exceeded": 1}


async def test_a_quiet_channel_says_now_and_then_that_it_is_alive():
    async with studio(stream_heartbeat_s=5) as stage:
        await stage.market.append(TAPE[:3])
        ear = await stage.listen(channel("trades"))
        await stage.clock.move(4)
        await stage.market.append(TAPE[3:4])
        await stage.clock.move(10.5)

    kinds = [frame["type"] for frame in ear.frames]
    assert kinds == ["snapshot", "update", "heartbeat"]
    beat = ear.of("heartbeat")[0]
    assert beat["seq"] == ear.of("update")[0]["seq"]
    assert set(beat) == {"channel", "venue", "symbol", "type", "epoch", "seq", "ts"}


async def test_who_listens_twice_is_told_once():
    async with studio() as stage:
        ear = await stage.listen(channel("trades"))
        await stage.hub.join(channel("trades"), ear, snapshot=False, since=None)
        await stage.market.append(TAPE[:3])
        await stage.clock.move(0.5)

    assert len(ear.of("update")) == 1


async def test_a_refresh_shows_the_state_from_which_updates_go_on():
    async with studio() as stage:
        await stage.stores.books.publish([book(received_at=stage.clock.now())])
        ear = await stage.listen(DEPTH)
        stage.hub.refresh(DEPTH, ear)
        stage.hub.refresh(channel("depth", levels=7), ear)
        await stage.stores.books.publish([book(update_id=78, received_at=stage.clock.now())])
        await stage.clock.move(0.1)

    first, second, update = ear.frames
    assert first == second
    assert update["prev_seq"] == second["seq"]


async def test_nobody_can_join_before_the_hub_runs():
    stage = Studio(MovedClock())
    with pytest.raises(NotReadyError, match="not running"):
        await stage.hub.join(channel("trades"), Ear(), snapshot=True, since=None)
    assert (await stage.hub.pulse()).ok is False


async def test_a_hub_that_is_started_again_goes_on_with_its_feeds():
    async with studio() as stage:
        ear = await stage.listen(channel("trades"))
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        running = group.create_task(stage.hub.run())
        await stage.market.append(TAPE[:2])
        await stage.clock.move(0.5)
        running.cancel()

    assert len(ear.of("update")) == 1


async def test_an_error_that_nobody_expected_is_told_without_its_inside(monkeypatch):
    async with studio() as stage:
        await stage.stores.books.publish([book(received_at=stage.clock.now())])
        ear = await stage.listen(DEPTH)
        with monkeypatch.context() as patched:
            patched.setattr(stage.market.queries, "depth", _broken)
            await stage.clock.move(5)
        await stage.stores.books.publish([book(received_at=stage.clock.now())])
        await stage.clock.move(15)

    told = ear.of("status")[0]["data"]
    assert told["code"] == "internal"
    assert "private" not in told["detail"]
    assert told["request_id"].startswith("stream-")
    assert ear.of("snapshot")[-1]["seq"] == ear.of("snapshot")[0]["seq"] + 1


async def _broken(_question: object) -> object:
    msg = "private"
    raise RuntimeError(msg)


async def test_every_channel_name_can_be_asked_for_and_listened_to():
    async with studio() as stage:
        await stage.market.append(TAPE[:20])
        await stage.stores.books.publish([book(received_at=stage.clock.now())])
        names = [
            "trades",
            "depth",
            "volume-profile",
            "order-flow",
            "candles",
            "anomalies",
            "status",
        ]
        ears = [await stage.listen(channel_of(name, VENUE, SYMBOL, {})) for name in names]

    assert [ear.frames[0]["channel"] for ear in ears] == names
    assert all(ear.frames[0]["type"] == "snapshot" for ear in ears)
