"""Collectors come, go, die, sleep and are cut off in any order: each trade is logged once."""

import asyncio

from exchanges import SYMBOLS
from hypothesis import given, settings
from hypothesis import strategies as st
from several import Several

from cloud_marketdata.domain.values import Venue

ACTS = st.tuples(
    st.sampled_from(["join", "kill", "stop", "pause", "cut off", "heal"]),
    st.integers(0, 2),
    st.sampled_from([0.25, 1.0, 3.0, 6.0]),
)


async def act(world: Several, what: str, number: int) -> None:
    """Have something happen to one of the processes, if it can."""
    names = sorted(world.live)
    if what == "join":
        if len(names) < 3:
            world.join(f"p{world.joined()}")
        return
    if not names:
        return
    name = names[number % len(names)]
    process = world.live[name]
    if what == "kill":
        await world.kill(name)
    elif what == "stop":
        if not process.clock.paused and not process.cut_off:
            await world.stop(name)
    elif what == "pause":
        process.pause()
    elif what == "cut off":
        process.cut_off = True
    else:
        heal(process)


def heal(process) -> None:
    """Let a process go on, with its stores."""
    process.cut_off = False
    if process.clock.paused:
        process.resume()


@settings(max_examples=12, deadline=None)
@given(st.lists(ACTS, max_size=8), st.integers(1, 2))
def test_each_trade_is_logged_once(plan, copies):
    asyncio.run(_logged_once(plan, copies))


async def _logged_once(plan, copies: int) -> None:
    async with Several(Venue.BINANCE_SPOT, copies=copies).running("a", "b") as world:
        await world.pass_time(5)
        for what, number, seconds in plan:
            await act(world, what, number)
            await world.pass_time(seconds)
        for process in world.live.values():
            heal(process)
        if not world.live:
            world.join("last")
        await world.pass_time(20)
        owners = world.owners()
        assert all(len(owners[symbol]) == 1 for symbol in SYMBOLS), owners
        await world.settle()
        await world.assert_exactly_once()
