"""Quiet is told from dead: by the stream's own rhythm, and then by asking the venue."""

import asyncio
import json

import pytest
from frames import item, orderbook, trades
from hypothesis import given
from hypothesis import strategies as st
from sessions import World, spot_book, spot_depth, spot_rows, spot_trade
from virtual import NOW

from cloud_marketdata.collectors.connection.watchdog import Rhythm, Watch
from cloud_marketdata.domain.events import StatusKind
from cloud_marketdata.domain.values import NS_PER_S, Venue
from cloud_marketdata.storage.ports import BookState

pytestmark = pytest.mark.anyio
SPOT, LINEAR = Venue.BINANCE_SPOT, Venue.BYBIT_LINEAR
MS = NOW // 1_000_000


def seconds(number: float) -> int:
    return NOW + round(number * NS_PER_S)


def looked(watch: Watch, heard_at, until: int) -> list[int]:
    """Look once a second; return the seconds at which there was suspicion."""
    found = []
    for second in range(1, until):
        heard = max((at for at in heard_at if at <= second), default=None)
        at = 0 if heard is None else seconds(heard)
        if watch.suspicious(at, seconds(second)):
            found.append(second)
    return found


def watch(rhythm: Rhythm | None = None) -> Watch:
    return Watch(rhythm or Rhythm(), NOW, first_s=10, least_s=3)


def test_a_busy_stream_that_stops_is_suspicious_within_seconds():
    heard = [number / 10 for number in range(1, 600)]
    assert looked(watch(), heard, 80)[0] == 64, "four seconds after the last message"


def test_a_pair_that_is_silent_for_45_seconds_now_and_then_is_not_suspicious():
    rhythm = Rhythm()
    rhythm.silent(45)
    heard = [45 * number for number in range(1, 20)]
    assert looked(watch(rhythm), heard, 800) == []


@given(
    busy=st.integers(1, 30),
    back=st.integers(0, 10**6),
    goes_on=st.integers(0, 30),
    of=st.booleans(),
)
def test_a_clock_that_is_set_back_buys_a_dead_stream_no_patience(busy, back, goes_on, of):
    one = watch()
    for second in range(1, busy + 1):
        one.suspicious(seconds(second), seconds(second))
    # It is set back between two messages, or the stream is dead already when that happens.
    heard = seconds(busy)
    for second in range(busy, busy + goes_on):
        now = seconds(second - back)
        heard = now if of else heard
        one.suspicious(heard, now)
    later = [seconds(busy + goes_on + second - back) for second in range(12)]
    assert any(one.suspicious(heard, now) for now in later)


@given(back=st.integers(0, 10**6))
def test_a_clock_that_is_set_back_makes_no_living_stream_suspicious(back):
    one = watch()
    times = [seconds(second) for second in range(1, 20)]
    times += [seconds(second - back) for second in range(20, 80)]
    assert not any(one.suspicious(now, now) for now in times)


def test_a_stream_that_never_brought_anything_is_suspicious_after_its_first_patience():
    assert looked(watch(), [], 15)[0] == 11


def test_a_silence_that_was_proven_quiet_raises_patience_fourfold():
    rhythm = Rhythm()
    one = watch(rhythm)
    assert looked(one, [1], 6) == [5]
    one.proven_quiet(seconds(5))
    assert rhythm.limit_s(3) == 16
    assert not one.suspicious(seconds(1), seconds(21))
    assert one.suspicious(seconds(1), seconds(22))


def test_a_habit_is_forgotten_by_and_by():
    rhythm = Rhythm()
    rhythm.silent(100)
    for _ in range(600):
        rhythm.silent(1)
    assert rhythm.usual_s == pytest.approx(50, rel=0.01)


async def until_settled(world: World) -> None:
    """Let a spot stream run for half a minute: a trade and a depth event a second."""
    world.rest.bodies["/depth?symbol=BTCUSDT&limit=1000"] = spot_book(10)
    for second in range(30):
        trade = spot_trade(100 + second, MS + 1000 * second)
        world.network.wires[0].hear(trade, spot_depth(11 + second, 11 + second))
        await world.clock.move(1)


async def test_a_dead_trade_stream_on_a_live_socket_is_found_and_relieved():
    world = World(SPOT, stale_after_s=3)
    world.rest.bodies["/aggTrades"] = spot_rows((200, MS + 36_000))
    async with world.running():
        await until_settled(world)
        depth = 41
        for _ in range(12):
            world.network.wires[0].hear(spot_depth(depth, depth))
            depth += 1
            await world.clock.move(1)
        assert world.session.dead_streams == 1
        assert len(world.network.wires) == 2
        assert StatusKind.TRADES_LOST in world.facts
        assert StatusKind.BOOK_LOST not in world.facts, "the book on the same socket lives on"
        assert world.detail(StatusKind.TRADES_LOST) == {"since_ms": MS + 29_000}


async def test_a_count_of_dead_streams_never_falls_while_the_connection_is_relieved():
    world = World(SPOT, stale_after_s=3, overlap_s=2)
    world.rest.bodies["/aggTrades"] = spot_rows((200, MS + 36_000))
    counts = []

    async def look() -> None:
        while True:
            counts.append(world.session.dead_streams)
            await asyncio.sleep(0)

    async with world.running(), asyncio.TaskGroup() as group:
        looking = group.create_task(look())
        await until_settled(world)
        for depth in range(41, 81):
            world.network.wires[0].hear(spot_depth(depth, depth))
            await world.clock.move(0.5)
        looking.cancel()
    assert world.session.rotations == 1
    assert counts[-1] >= 1
    assert counts == sorted(counts)


async def test_a_market_that_is_quiet_is_asked_about_and_left_alone():
    world = World(SPOT, stale_after_s=3)
    async with world.running():
        await until_settled(world)
        world.rest.bodies["/aggTrades"] = spot_rows((129, MS + 29_000))
        world.rest.bodies["limit=5"] = spot_book(40)
        await world.clock.move(120)
        assert world.session.dead_streams == 0
        assert len(world.network.wires) == 1
        assert world.session.link.guard.quiet >= 2
        asked = [path for path in world.rest.asked if "limit=1000" not in path]
        assert len(asked) < 12, "each quiet answer makes the next question rarer"


async def test_a_dead_book_stream_fails_the_book_closed_and_is_relieved():
    world = World(SPOT, stale_after_s=3)
    async with world.running():
        await until_settled(world)
        world.rest.bodies["limit=5"] = spot_book(999)
        for second in range(30, 42):
            world.network.wires[0].hear(spot_trade(100 + second, MS + 1000 * second))
            await world.clock.move(1)
        assert world.session.dead_streams == 1
        assert world.kept.views[-1].state is not BookState.SYNCED
        assert world.detail(StatusKind.BOOK_LOST)["reason"] == "its stream is dead"
        assert len(world.network.wires) == 2


async def test_an_acknowledged_stream_that_never_comes_is_dead_once_the_venue_has_trades():
    world = World(SPOT, first_message_s=10)
    ms = MS
    async with world.running():
        wire = world.network.wires[0]
        wire.hear(b'{"result":null,"id":1}')
        for second in range(30):
            world.rest.bodies["/aggTrades"] = spot_rows((100 + second, ms + 1000 * second))
            await world.clock.move(1)
        assert world.session.dead_streams >= 1
        assert len(world.network.wires) >= 2


async def test_an_acknowledged_stream_of_a_market_without_trades_is_left_alone():
    world = World(SPOT, first_message_s=10)
    world.rest.bodies["/aggTrades"] = spot_rows((100, MS - 60_000))
    world.rest.bodies["limit=5"] = spot_book(10)
    async with world.running():
        world.network.wires[0].hear(b'{"result":null,"id":1}')
        await world.clock.move(300)
        assert world.session.dead_streams == 0
        assert len(world.network.wires) == 1


async def test_a_symbol_that_comes_back_is_not_judged_by_what_happened_while_it_was_away():
    world = World(SPOT, first_message_s=10, stale_after_s=3)
    world.rest.bodies["/aggTrades"] = spot_rows((100, MS - 60_000))
    world.rest.bodies["limit=5"] = spot_book(10)
    async with world.running():
        plan = world.session.plan
        await world.clock.move(30)
        assert world.session.link.guard.quiet, "the venue was asked, so what it knew is remembered"
        world.session.change(plan._replace(topics=()))
        await world.clock.move(60)
        world.rest.bodies["/aggTrades"] = spot_rows((101, MS + 60_000))
        world.rest.bodies["limit=5"] = spot_book(11)
        world.session.change(plan)
        await world.clock.move(300)
        assert world.session.dead_streams == 0
        assert len(world.network.wires) == 1


async def test_suspicions_from_before_a_symbol_went_do_not_count_when_it_is_back():
    world = World(SPOT, first_message_s=10, stale_after_s=3)
    async with world.running():
        plan = world.session.plan
        for _ in range(4):
            await world.clock.move(25)
            assert world.session.link.guard.suspicions
            world.session.change(plan._replace(topics=()))
            await world.clock.move(5)
            world.session.change(plan)
        assert world.session.dead_streams == 0


async def test_where_the_venue_cannot_be_asked_three_suspicions_count():
    world = World(SPOT, stale_after_s=3, first_message_s=5)
    async with world.running():
        await until_settled(world)
        world.rest.bodies.clear()
        await world.clock.move(9)
        assert world.session.dead_streams == 0
        await world.clock.move(20)
        assert world.session.dead_streams >= 1


async def test_a_quiet_bybit_book_answers_a_new_subscription_and_lives():
    world = World(LINEAR, stale_after_s=3)
    world.rest.bodies["recent-trade"] = b'{"retCode":0,"result":{"list":[]}}'
    async with world.running():
        wire = world.network.wires[0]
        wire.hear(orderbook("snapshot", 10), trades(item(i="a")))
        heard = 0
        for _ in range(60):
            await world.clock.move(1)
            ops = [json.loads(sent).get("op") for sent in wire.sent]
            if ops.count("subscribe") - 1 > heard:
                heard += 1
                wire.hear(orderbook("snapshot", 10 + heard))
        assert heard >= 1
        assert world.session.dead_streams == 0


async def test_a_bybit_book_that_does_not_answer_a_new_subscription_is_dead():
    world = World(LINEAR, stale_after_s=3)
    world.rest.bodies["recent-trade"] = b'{"retCode":0,"result":{"list":[]}}'
    async with world.running():
        world.network.wires[0].hear(orderbook("snapshot", 10), trades(item(i="a")))
        await world.clock.move(15)
        assert world.session.dead_streams == 1
        assert len(world.network.wires) == 2
