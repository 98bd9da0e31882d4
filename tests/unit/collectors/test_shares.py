"""Collectors share the symbols of a venue: whatever happens to them, each trade is logged once."""

import pytest
from exchanges import SYMBOLS
from several import LEASE_S, Several

from cloud_marketdata.collectors.sharing.heirs import Heirs
from cloud_marketdata.collectors.sharing.tenures import Tenures
from cloud_marketdata.domain.events import StatusKind
from cloud_marketdata.domain.values import Venue

pytestmark = pytest.mark.anyio
VENUES = [Venue.BINANCE_SPOT, Venue.BYBIT_LINEAR]
TO_MOVE_S = LEASE_S + LEASE_S / 4 + 0.5


def one_each(world: Several) -> bool:
    """Whether each symbol has one collector."""
    return all(len(owners) == 1 for owners in world.owners().values())


@pytest.mark.parametrize("venue", VENUES)
async def test_alone_a_collector_has_all_and_together_each_has_what_is_its_own_by_rank(venue):
    async with Several(venue).running("a") as world:
        assert world.owners() == {symbol: ["a"] for symbol in SYMBOLS}
        for name in ("b", "c"):
            world.join(name)
        await world.pass_time(12)

        ranks = {n: p.members.rank for n, p in world.live.items()}
        firsts = {s: [n for n, rank in ranks.items() if rank(f"{venue}/{s}") == 0] for s in SYMBOLS}
        assert world.owners() == firsts
        assert len({name for (name,) in firsts.values()}) > 1
        await world.settle()
        await world.assert_exactly_once()


LOSSES = {
    StatusKind.STARTED,
    StatusKind.TRADE_GAP,
    StatusKind.TRADES_LOST,
    StatusKind.BOOK_GAP,
    StatusKind.BOOK_LOST,
}


async def losses(world: Several, since: int = 0) -> dict[str, list[str]]:
    """Return the facts that tell of a break, by symbol, from a time on."""
    found = {}
    for symbol in SYMBOLS:
        told = [f.kind.value for f in await world.facts(symbol) if f.received_at > since]
        found[symbol] = [kind for kind in told if kind in LOSSES]
    return {symbol: kinds for symbol, kinds in found.items() if kinds}


@pytest.mark.parametrize("venue", VENUES)
async def test_members_that_come_and_go_in_order_leave_no_gap(venue):
    async with Several(venue).running("a") as world:
        await world.pass_time(3)
        began = world.clock.now()
        for name in ("b", "c"):
            world.join(name)
            await world.pass_time(10)
        for name in ("a", "b"):
            await world.stop(name)
            await world.pass_time(1)
            assert one_each(world)
        assert world.owners() == {symbol: ["c"] for symbol in SYMBOLS}
        await world.settle(8)

        await world.assert_exactly_once()
        assert await losses(world, began) == {}
        for symbol in SYMBOLS:
            ledger = await world.ledger(symbol)
            assert ledger.book_until >= world.clock.now() - 8 * 10**9
            assert ledger.missing() == []


async def test_what_was_collected_is_in_the_log_before_an_heir_has_the_symbol():
    async with Several(Venue.BYBIT_LINEAR).running("a") as world:
        world.live["a"].append_s = 2.0
        await world.pass_time(3)
        began = world.clock.now()
        world.join("b")
        await world.pass_time(15)

        assert one_each(world)
        assert len(world.live["b"].feed.collected) > 0
        told = await losses(world, began)
        assert not [kinds for kinds in told.values() if StatusKind.TRADE_GAP in kinds]
        assert world.stores.log.fenced == 0
        await world.settle()
        await world.assert_exactly_once()


@pytest.mark.parametrize("venue", VENUES)
async def test_what_a_killed_collector_had_moves_within_its_lease_and_a_beat(venue):
    async with Several(venue).running("a", "b") as world:
        await world.pass_time(10)
        dead = world.owners()["BTCUSDT"][0]
        await world.kill(dead)
        await world.pass_time(TO_MOVE_S)

        assert one_each(world)
        await world.pass_time(3)
        await world.settle()
        await world.assert_exactly_once()


@pytest.mark.parametrize("venue", VENUES)
async def test_who_wakes_from_a_long_pause_brings_nothing_twice(venue):
    async with Several(venue).running("a", "b") as world:
        await world.pass_time(10)
        sleeper = world.live[world.owners()["BTCUSDT"][0]]
        sleeper.pause()
        await world.pass_time(3 * LEASE_S)
        awake = [p for p in world.live.values() if p is not sleeper]
        assert [p.name for p in awake if "BTCUSDT" in p.feed.collected], "somebody went on"
        sleeper.resume()
        await world.pass_time(15)

        assert one_each(world)
        await world.settle()
        await world.assert_exactly_once()


@pytest.mark.parametrize("venue", VENUES)
async def test_who_was_cut_off_from_the_stores_brings_nothing_twice_when_it_is_back(venue):
    async with Several(venue).running("a", "b") as world:
        await world.pass_time(10)
        apart = world.live[world.owners()["BTCUSDT"][0]]
        apart.cut_off = True
        await world.pass_time(3 * LEASE_S)
        apart.cut_off = False
        await world.pass_time(15)

        assert world.stores.log.fenced > 0
        assert one_each(world)
        await world.settle()
        await world.assert_exactly_once()


@pytest.mark.parametrize("seconds", [LEASE_S / 2, 4 * LEASE_S])
async def test_nothing_moves_while_the_stores_are_away_from_all_nor_when_they_are_back(seconds):
    async with Several(Venue.BYBIT_LINEAR).running("a", "b") as world:
        await world.pass_time(10)
        before, began = world.owners(), world.clock.now()
        for process in world.live.values():
            process.cut_off = True
        await world.pass_time(seconds)
        assert world.owners() == before
        # They do not come back all at once.
        for process in world.live.values():
            process.cut_off = False
            await world.pass_time(LEASE_S / 2)
        await world.pass_time(10)

        assert world.owners() == before
        assert await losses(world, began) == {}
        await world.settle()
        await world.assert_exactly_once()


async def test_a_second_copy_goes_on_where_the_venue_itself_remembers_nothing():
    async with Several(Venue.BYBIT_LINEAR, copies=2).running("a", "b") as world:
        world.exchange.remembers = 2
        await world.pass_time(10)
        began = world.clock.now()
        await world.kill(world.owners()["BTCUSDT"][0])
        await world.pass_time(10)

        assert one_each(world)
        told = {kind for kinds in (await losses(world, began)).values() for kind in kinds}
        assert told == {StatusKind.BOOK_LOST}, "no book was told meanwhile"
        await world.settle()
        await world.assert_exactly_once()


async def test_without_a_second_copy_what_the_venue_forgot_is_told_as_a_gap():
    async with Several(Venue.BYBIT_LINEAR).running("a", "b") as world:
        world.exchange.remembers = 2
        await world.pass_time(10)
        began = world.clock.now()
        await world.kill(world.owners()["BTCUSDT"][0])
        await world.pass_time(10)

        assert StatusKind.TRADE_GAP in (await losses(world, began))["BTCUSDT"]


async def test_a_symbol_that_is_wanted_no_more_is_given_back_by_all():
    async with Several(Venue.BINANCE_SPOT).running("a", "b") as world:
        await world.pass_time(8)
        for process in world.live.values():
            await process.share.change(SYMBOLS[1:])
        await world.pass_time(5)
        assert world.owners()["BTCUSDT"] == []
        for process in world.live.values():
            await process.share.change(SYMBOLS)
        await world.pass_time(5)

        assert one_each(world)
        await world.settle()
        await world.assert_exactly_once()


async def test_health_tells_what_is_owned_followed_and_elsewhere():
    async with Several(Venue.BYBIT_LINEAR, copies=2).running("a", "b") as world:
        await world.pass_time(10)
        told = [(await p.share.pulse()).detail["sharing"] for p in world.live.values()]
        assert [one["owned"] + one["elsewhere"] for one in told] == [3, 3]
        assert [one["owned"] + one["followed"] for one in told] == [3, 3]
        await world.stop("a")
        world.join("d")
        await world.clock.move(0.1)
        pulse = await world.live["d"].share.pulse()
        assert (pulse.state, pulse.ok) == ("idle", True)


def tenures(world: Several, name: str) -> Tenures:
    return Tenures(world.exchange.venue, world.stores, name, LEASE_S, world.clock)


async def test_what_is_taken_is_shown_to_the_log_before_anything_else_is_done():
    world = Several(Venue.BYBIT_LINEAR)
    one, other = tenures(world, "one"), tenures(world, "other")
    assert await one.take(SYMBOLS) == list(SYMBOLS)
    assert await other.take(SYMBOLS) == []
    world.clock.seconds += 2 * LEASE_S
    await other.keep()
    world.clock.seconds += 2 * LEASE_S
    assert await other.take(SYMBOLS) == [], "nobody may take before the first could keep its own"
    world.clock.seconds += 0.4 * LEASE_S
    await other.keep()
    world.clock.seconds += 0.4 * LEASE_S
    await other.keep()
    world.clock.seconds += 0.4 * LEASE_S
    assert await other.take(SYMBOLS[:1]) == ["BTCUSDT"]

    shown = [await world.stores.log.fence(world.exchange.venue, symbol, 0) for symbol in SYMBOLS]
    assert shown[0] == other.tokens["BTCUSDT"] > one.tokens["BTCUSDT"]
    assert shown[1:] == [one.tokens[symbol] for symbol in SYMBOLS[1:]]
    assert await one.keep() == ["BTCUSDT"]
    assert (list(one.tokens), one.lost) == (list(SYMBOLS[1:]), 1)


async def test_what_is_given_back_is_anybody_s_at_once_and_nobody_keeps_it_by_mistake():
    world = Several(Venue.BYBIT_LINEAR)
    one, other = tenures(world, "one"), tenures(world, "other")
    await one.take(SYMBOLS)
    await one.give(["ETHUSDT"])
    assert await one.keep() == []
    assert await other.take(SYMBOLS) == ["ETHUSDT"]


async def test_heirs_hear_of_each_other_and_not_of_themselves():
    world = Several(Venue.BYBIT_LINEAR)
    one, other = (
        Heirs(world.exchange.venue, world.stores.members, name, LEASE_S, world.clock)
        for name in ("host one", "host other")
    )
    await one.say(SYMBOLS[:2])
    assert (await one.ready(), await other.ready()) == (set(), set(SYMBOLS[:2]))
    await one.say(SYMBOLS[1:2])
    assert await other.ready() == {"ETHUSDT"}
    world.clock.seconds += LEASE_S
    assert await other.ready() == set(), "a word is good for a while"
    await one.say(SYMBOLS[1:2])
    assert await other.ready() == {"ETHUSDT"}
