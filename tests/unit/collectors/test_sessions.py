"""A session in virtual time: what it hands on, how it ends, and how it is relieved."""

import asyncio
import json

import pytest
from frames import MS, orderbook, trades
from frames import item as bybit_item
from sessions import World, spot_book, spot_depth, spot_trade
from virtual import NOW, turns

from cloud_marketdata.core.breaker import BreakerState
from cloud_marketdata.domain.events import StatusKind
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.storage.ports import BookState, StreamKind

pytestmark = pytest.mark.anyio
SPOT, LINEAR = Venue.BINANCE_SPOT, Venue.BYBIT_LINEAR
SHUTDOWN = b'{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1723161300000}}'


def spot(**settings: object) -> World:
    world = World(SPOT, **settings)
    world.rest.bodies["/depth"] = spot_book(10)
    return world


async def joined(world: World, wire: int = -1, first: int = 11, trade: int = 7) -> None:
    """Bring the newest wire a trade and a book in sync."""
    world.network.wires[wire].hear(spot_trade(trade), spot_depth(first, first + 1))
    await world.clock.move(0.05)


async def test_a_connection_subscribes_joins_its_book_and_hands_on_trades():
    world = spot()
    async with world.running():
        await joined(world)
        [command] = world.network.wires[0].sent
        assert json.loads(command)["params"] == ["btcusdt@aggTrade", "btcusdt@depth@100ms"]
        assert world.trades == [7]
        assert world.kept.views[-1].state is BookState.SYNCED
        assert world.session.connected
        assert world.session.live


async def test_a_lost_book_is_told_at_once_although_another_connection_took_its_fact_along():
    world = spot(copies=2)
    async with world.running():
        await joined(world, 0)
        await world.clock.move(1)
        book, trades_only = world.network.wires
        book.hear(spot_depth(13, 13))
        await world.clock.move(0.011)
        trades_only.hear(spot_trade(8))
        await world.clock.move(0.001)
        book.hear(spot_depth(99, 99))
        await world.clock.move(0.011)
        assert world.facts[-1] is StatusKind.BOOK_GAP
        assert world.kept.views[-1].state is BookState.STALE, "and not a tenth of a second later"


async def test_a_lost_connection_says_so_fails_its_books_closed_and_is_opened_again():
    world = spot()
    async with world.running():
        await joined(world)
        await world.clock.move(2)
        world.network.wires[0].close()
        await world.clock.move(1)
        assert world.facts == [
            StatusKind.CONNECTED,
            StatusKind.BOOK_SYNCED,
            StatusKind.TRADES_LOST,
            StatusKind.BOOK_LOST,
            StatusKind.DISCONNECTED,
            StatusKind.CONNECTED,
        ]
        heard = NOW // 1_000_000
        assert world.detail(StatusKind.TRADES_LOST) == {"since_ms": heard}
        # The snapshot came by REST one batch time after the stream's own frames.
        lost = {"since_ms": heard + 10, "reason": "disconnected"}
        assert world.detail(StatusKind.BOOK_LOST) == lost
        assert world.kept.views[-1].state is BookState.STALE
        assert world.kept.views[-1].bids == ()
        assert (len(world.network.wires), world.session.reconnects) == (2, 1)


async def test_what_was_heard_before_the_loss_is_handed_on():
    world = spot()
    async with world.running():
        world.session.link.message(spot_trade(7), NOW)
        world.network.wires[0].close()
        await turns()
        assert world.trades == [7]


async def test_a_grid_that_was_refined_right_before_the_loss_is_handed_on():
    world = spot()
    async with world.running():
        await joined(world)
        finer = spot_trade(8).replace(b"61800.30", b"61800.35")
        world.session.link.message(finer, NOW)
        world.network.wires[0].close()
        await turns()
        assert str(world.kept.refined[-1].scale.tick) == "0.05"


async def test_a_repeat_on_the_next_connection_is_dropped_and_counted():
    world = spot()
    async with world.running():
        await joined(world)
        world.network.wires[0].close()
        await world.clock.move(1)
        world.network.wires[1].hear(spot_trade(7), spot_trade(8))
        await world.clock.move(1)
        assert world.trades == [7, 8]
        assert world.session.link.intake.lanes["BTCUSDT"].duplicates == 1


async def test_a_gap_in_the_tape_is_asked_to_be_repaired():
    world = spot()
    async with world.running():
        world.network.wires[0].hear(spot_trade(7), spot_trade(10))
        await world.clock.move(1)
        [(symbol, gap)] = world.repairs
        assert (symbol, gap.after_id, gap.before_id, gap.missing) == ("BTCUSDT", 7, 10, 2)
        assert StatusKind.TRADE_GAP in world.facts


async def test_a_session_cancelled_in_the_moment_its_connection_is_lost_ends():
    world = spot()
    running = asyncio.ensure_future(world.session.run())
    await turns()
    world.network.wires[0].close()
    await asyncio.sleep(0)
    running.cancel()
    done, _ = await asyncio.wait({running}, timeout=5)
    assert done


async def test_a_refused_repair_of_a_bybit_book_is_asked_for_again():
    world = World(LINEAR)
    async with world.running():
        wire = world.network.wires[0]
        wire.hear(orderbook("snapshot", 10), orderbook("delta", 12))
        await world.clock.move(2)
        asked = [json.loads(sent)["op"] for sent in wire.sent[1:]]
        assert asked == ["unsubscribe", "subscribe"]
        wire.hear(b'{"success":false,"ret_msg":"error:already subscribed","req_id":"3"}')
        await world.clock.move(8)
        asked = [json.loads(sent)["op"] for sent in wire.sent[1:]]
        assert asked[:4] == ["unsubscribe", "subscribe"] * 2
        assert world.kept.views[-1].state is BookState.STALE
        wire.hear(orderbook("snapshot", 20))
        await world.clock.move(1)
        assert world.kept.views[-1].state is BookState.SYNCED


async def test_a_batch_refused_for_one_topic_is_asked_for_again_topic_by_topic():
    world = World(LINEAR, symbols=("BTCUSDT", "ETHUSDT"))
    async with world.running():
        wire = world.network.wires[0]
        await world.clock.move(0.1)
        [batch] = [json.loads(sent) for sent in wire.sent]
        text = "error:handler not found,topic:publicTrade.ETHUSDT"
        refusal = {"success": False, "ret_msg": text, "op": "subscribe"}
        wire.hear(json.dumps(refusal | {"req_id": batch["req_id"]}).encode())
        await world.clock.move(2)
        singly = [json.loads(sent) for sent in wire.sent[1:]]
        assert [command["args"] for command in singly] == [[topic] for topic in batch["args"]]
        bad = next(c for c in singly if c["args"] == ["publicTrade.ETHUSDT"])
        wire.hear(json.dumps(refusal | {"req_id": bad["req_id"]}).encode())
        await world.clock.move(1)
        assert world.session.link.refused == ["publicTrade.ETHUSDT"]


async def test_commands_stay_below_the_venues_limit_in_any_second():
    symbols = tuple(f"X{number}USDT" for number in range(1000))
    world = spot(symbols=symbols)
    async with world.running():
        wire, told = world.network.wires[0], []
        for _ in range(40):
            await world.clock.move(0.25)
            told.append(len(wire.sent))
        assert told[-1] == 20, "2000 topics in hundreds"
        assert max(b - a for a, b in zip(told, told[4:], strict=False)) <= 4


async def test_attempts_wait_longer_and_longer_until_the_breaker_opens():
    world = spot(breaker_failures=5, breaker_recovery_s=60, first_message_s=600)
    world.network.refusing = True
    async with world.running():
        await world.clock.move(40)
        assert world.network.attempts == 5
        assert world.gear.breaker.state is BreakerState.OPEN
        await world.clock.move(15)
        assert world.network.attempts == 5
        world.network.refusing = False
        await world.clock.move(60)
        assert world.network.attempts == 6
        assert world.gear.breaker.state is BreakerState.CLOSED
        assert world.session.connected


async def test_an_old_connection_is_relieved_by_overlap_and_nothing_is_missed_or_doubled():
    world = spot(lifetime_hours=0.01, overlap_s=5, stale_after_s=600)
    async with world.running():
        await joined(world)
        await world.clock.move(36.5)
        assert len(world.network.open) == 2, "the old one stays until the new one is in sync"
        old, new = world.network.open
        for wire in (old, new):
            wire.hear(spot_trade(8), spot_depth(13, 14))
        world.rest.bodies["/depth"] = spot_book(13)
        old.hear(spot_trade(9), spot_depth(15, 15))
        new.hear(spot_trade(9), spot_trade(10), spot_depth(15, 15))
        await world.clock.move(4)
        assert world.network.open == [new]
        assert world.trades == [7, 8, 9, 10]
        assert StatusKind.TRADES_LOST not in world.facts
        assert StatusKind.BOOK_SYNCED in world.facts
        assert world.kept.views[-1].state is BookState.SYNCED
        assert (world.session.rotations, world.session.reconnects) == (1, 0)


async def test_the_log_gets_a_snapshot_where_another_connections_book_takes_over():
    world = spot(lifetime_hours=0.01, overlap_s=5, stale_after_s=600)
    async with world.running():
        await joined(world)
        await world.clock.move(36.5)
        world.rest.bodies["/depth"] = spot_book(20)
        new = world.network.open[1]
        new.hear(spot_trade(8), spot_depth(21, 25))
        await world.clock.move(4)
        new.hear(spot_depth(26, 27))
        await world.clock.move(1)
        ids = [
            getattr(event, "update_id", None) or event.last_id
            for event in world.kept.of(StreamKind.BOOK)
        ]
        assert ids == [10, 12, 25, 27], "the changes of one book at a time, each after its snapshot"


async def test_an_announced_shutdown_brings_relief_before_the_venue_closes():
    world = spot()
    async with world.running():
        await joined(world)
        world.network.wires[0].hear(SHUTDOWN)
        await world.clock.move(2)
        assert len(world.network.open) == 2
        await joined(world, first=11)
        await world.clock.move(2)
        assert [wire.gone.is_set() for wire in world.network.wires] == [True, False]
        assert world.session.reconnects == 0
        assert StatusKind.TRADES_LOST not in world.facts


async def test_a_relief_that_cannot_connect_leaves_the_old_connection_in_place():
    world = spot(lifetime_hours=0.01, stale_after_s=600)
    async with world.running():
        await joined(world)
        world.network.refusing = True
        await world.clock.move(60)
        assert len(world.network.open) == 1
        world.network.wires[0].hear(spot_trade(8))
        await world.clock.move(1)
        assert world.trades == [7, 8]


async def test_twins_hand_on_every_trade_once_and_one_book():
    world = World(SPOT, copies=2)
    world.rest.bodies["/depth"] = spot_book(10)
    async with world.running():
        one, two = world.network.wires
        one.hear(spot_trade(7), spot_depth(11, 12))
        two.hear(spot_trade(7), spot_trade(8), spot_depth(11, 13))
        one.hear(spot_trade(8), spot_depth(13, 14))
        await world.clock.move(1)
        one.close()
        two.hear(spot_trade(9), spot_depth(14, 15))
        await world.clock.move(0.05)
        assert world.trades == [7, 8, 9]
        assert StatusKind.TRADES_LOST not in world.facts
        assert world.kept.views[-1].state is BookState.SYNCED
        assert world.desks["BTCUSDT"].switches == 1
        assert world.repairs == []


async def test_a_bybit_tape_fears_a_loss_only_when_no_connection_brought_it():
    world = World(LINEAR, copies=2)
    async with world.running():
        one, two = world.network.wires
        for wire in (one, two):
            wire.hear(trades(bybit_item(i="a")))
        one.close()
        two.hear(trades(bybit_item(i="b", seq=78)))
        await world.clock.move(3)
        assert world.repairs == []
        three = world.network.wires[2]
        for wire in (two, three):
            wire.close()
        await world.clock.move(3)
        world.network.open[0].hear(trades(bybit_item(i="d", seq=80)))
        await world.clock.move(1)
        [(_, gap)] = world.repairs
        assert (gap.after_id, gap.before_id, gap.missing) == ("b", "d", None)
        assert StatusKind.TRADES_LOST in world.facts


async def test_a_bybit_connection_that_had_long_been_deaf_leaves_a_gap_to_fear_when_it_dies():
    world = World(LINEAR, copies=2)
    async with world.running():
        deaf, late = world.network.wires
        deaf.hear(trades(bybit_item(i="a", seq=77)))
        await world.clock.move(0.1)
        late.hear(trades(bybit_item(i="c", seq=79, T=MS + 500)))
        await world.clock.move(0.1)
        assert world.repairs == [], "the first may still bring what came between"
        deaf.close()
        await world.clock.move(0.1)
        [(_, gap)] = world.repairs
        assert (gap.after_id, gap.before_id, gap.missing) == ("a", "c", None)
        assert StatusKind.TRADES_LOST not in world.facts


async def test_a_relief_takes_over_at_once_where_the_old_connection_is_lost_meanwhile():
    world = spot(lifetime_hours=0.01, overlap_s=600, stale_after_s=600)
    async with world.running():
        await joined(world)
        await world.clock.move(36.5)
        old, new = world.network.open
        new.hear(spot_trade(8))
        old.close()
        await world.clock.move(0.1)
        assert world.session.link.connected
        assert world.session.live
