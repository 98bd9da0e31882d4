"""A symbol that goes and comes back while its gap is asked for: filled, and once."""

import asyncio

import msgspec
import pytest
from feeds import FeedWorld, trade
from venue_memory import agg_row

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("pages", range(5))
async def test_a_gap_of_a_symbol_that_went_and_came_back_meanwhile_is_filled_once(pages):
    world = FeedWorld("BTCUSDT", "ETHUSDT")
    gate, get, asked = asyncio.Event(), world.rest.get, []

    async def slow(ask) -> bytes:
        if "fromId=" not in ask.path:
            return await get(ask)
        asked.append(ask.path)
        if len(asked) == pages + 1:
            await gate.wait()
        # One row a page, so that several are asked for.
        return msgspec.json.encode([agg_row(int(ask.path.split("fromId=")[1].split("&")[0]))])

    world.rest.get = slow
    async with world.running():
        world.wire.hear(trade("ETHUSDT", 1), trade("ETHUSDT", 7))
        for symbols in (["BTCUSDT"], ["BTCUSDT", "ETHUSDT"]):
            await world.clock.move(1.2)
            await world.feed.change(symbols)
        await world.clock.move(1.2)
        gate.set()
        await world.clock.move(30)
        assert sorted(await world.trades("ETHUSDT")) == [1, 2, 3, 4, 5, 6, 7]
