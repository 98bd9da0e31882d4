"""Discovery in virtual time: who is found, who stays, and what a failure costs."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from random import Random

import pytest
from feeds import VENUE, Venues, info, traded
from hypothesis import given
from hypothesis import strategies as st
from virtual import VirtualClock, turns

from cloud_marketdata.collectors.discovery import Discovery
from cloud_marketdata.core.config import Discover

pytestmark = pytest.mark.anyio
HOUR = 3600.0
TWO = Discover(quote="USDT", top=2)
TICKER = "/ticker/24hr"


class Search:
    """A discovery, its venue, and how often it called."""

    def __init__(self, wanted: Discover | None = TWO) -> None:
        self.clock = VirtualClock()
        self.rest = Venues()
        self.rest.bodies["/exchangeInfo"] = info("AA", "BB", "CC", "DD")
        self.calls = 0
        self.discovery = Discovery(
            VENUE,
            self.rest.open,
            found=self._called,
            clock=self.clock,
            random=Random(1),  # noqa: S311  a seed must repeat
        )
        self.discovery.tell(wanted)

    def _called(self) -> None:
        self.calls += 1

    def rank(self, *symbols: str) -> None:
        """Let these be traded, the first one most."""
        volumes = {symbol: str(10 - at) for at, symbol in enumerate(symbols)}
        self.rest.bodies[TICKER] = traded(**volumes)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Discovery]:
        """Run it while the block runs."""
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self.discovery.run())
            await turns()
            yield self.discovery
            task.cancel()


@given(
    ranks=st.lists(
        st.permutations(["AA", "BB", "CC", "DD"]).map(lambda order: order[:3]),
        min_size=1,
        max_size=6,
    )
)
def test_whoever_was_in_one_of_the_last_two_rankings_is_in(ranks):
    assert asyncio.run(_followed(ranks)) == [
        {*now[:2], *before[:2]} for before, now in zip([[], *ranks], ranks, strict=False)
    ]


async def _followed(ranks: Sequence[Sequence[str]]) -> list[set[str]]:
    search, seen = Search(), []
    search.rank(*ranks[0])
    async with search.running() as discovery:
        for following in [*ranks[1:], ranks[0]]:
            seen.append(set(discovery.symbols))
            search.rank(*following)
            await search.clock.move(HOUR)
    return seen


async def test_the_most_traded_come_first_and_at_most_as_many_as_are_wanted():
    search = Search()
    search.rank("CC", "AA", "BB")
    async with search.running() as discovery:
        assert discovery.symbols == ("CC", "AA")
        assert (search.calls, discovery.pending) == (1, False)


async def test_a_ranking_that_fails_keeps_what_there_was_and_is_asked_again_soon():
    search = Search()
    search.rank("AA", "BB")
    async with search.running() as discovery:
        search.rest.away = True
        await search.clock.move(HOUR)
        assert (discovery.symbols, discovery.last_error) == (("AA", "BB"), "away")
        search.rest.away = False
        search.rank("CC", "DD")
        await search.clock.move(120)
        assert discovery.symbols == ("CC", "DD", "AA", "BB")
        assert discovery.last_error == ""


@pytest.mark.parametrize("body", [b"[]", traded(XX="5"), b"{}"])
async def test_an_empty_or_senseless_ranking_is_a_failure_too(body):
    search = Search()
    search.rank("AA", "BB")
    async with search.running() as discovery:
        search.rest.bodies[TICKER] = body
        await search.clock.move(5 * HOUR)
        assert discovery.symbols == ("AA", "BB")
        assert discovery.last_error


async def test_it_asks_as_often_as_it_is_told_and_not_at_all_while_nothing_is_wanted():
    search = Search(None)
    search.rank("AA")
    async with search.running() as discovery:
        await search.clock.move(HOUR)
        assert search.rest.asked == []
        discovery.tell(Discover(quote="USDT", top=1, every_minutes=10))
        await search.clock.move(HOUR - 1)
        assert search.rest.asked.count("/api/v3" + TICKER) == 6
        discovery.tell(Discover(quote="USDT", top=1, every_minutes=10))
        await turns()
        assert search.rest.asked.count("/api/v3" + TICKER) == 6


async def test_another_wish_is_answered_at_once_and_begins_without_memory():
    search = Search()
    search.rank("AA", "BB", "CC")
    async with search.running() as discovery:
        search.rank("CC", "BB", "AA")
        discovery.tell(Discover(quote="USDT", top=1))
        assert (discovery.symbols, discovery.pending) == (("AA", "BB"), True)
        await turns()
        assert (discovery.symbols, discovery.pending) == (("CC",), False)
        discovery.tell(None)
        assert (discovery.symbols, discovery.pending) == ((), False)


async def test_an_answer_to_a_wish_that_is_no_longer_held_is_dropped():
    search = Search(None)
    search.rank("AA", "BB")
    gate = asyncio.Event()
    get = search.rest.get

    async def slow(ask) -> bytes:
        await gate.wait()
        return await get(ask)

    search.rest.get = slow
    async with search.running() as discovery:
        discovery.tell(TWO)
        await turns()
        discovery.tell(None)
        gate.set()
        await turns()
        assert (discovery.symbols, search.calls) == ((), 0)
