"""REST against a small web service of its own: what is answered, refused, broken, and held back."""

import asyncio
from contextlib import asynccontextmanager

import httpx2
import pytest
from held_clock import HeldClock
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cloud_marketdata.collectors.base import Ask
from cloud_marketdata.collectors.rest.budget import Budget
from cloud_marketdata.collectors.rest.client import HttpRest
from cloud_marketdata.collectors.venues import VENUES
from cloud_marketdata.core.breaker import BreakerState, CircuitBreaker
from cloud_marketdata.core.errors import VenueBusyError, VenueError
from cloud_marketdata.domain.values import Venue

pytestmark = pytest.mark.anyio
PATH = "/api/v3/depth?symbol=BTCUSDT&limit=1000"
BOOK = Ask(PATH, 50)


class Site:
    """A venue's web service that says what it is told to say, and our way to it."""

    def __init__(self) -> None:
        self.answer = Response(b"{}")
        self.asked: list[str] = []
        self.clock = HeldClock()
        self.budget = Budget(VENUES[Venue.BINANCE_SPOT].limits, self.clock)
        self.breaker = CircuitBreaker(3, 60.0, monotonic=self.clock.monotonic)
        self.app = Starlette(routes=[Route("/{path:path}", self._serve)])

    async def _serve(self, request: Request) -> Response:
        self.asked.append(str(request.url.path) + "?" + str(request.url.query))
        return self.answer

    def says(self, status: int, body: bytes = b"{}", **headers: str) -> None:
        """Answer like this from now on; underscores in a header's name stand for hyphens."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answer = Response(body, status, named)

    @asynccontextmanager
    async def rest(self):
        """Open a client that speaks to the service without a network."""
        transport = httpx2.ASGITransport(app=self.app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://venue") as client:
            yield HttpRest(client, budget=self.budget, breaker=self.breaker, clock=self.clock)


@pytest.mark.parametrize("status", [200, 400])
async def test_an_answer_is_handed_on_as_it_came(status):
    site = Site()
    site.says(status, b'{"code":-1121}')
    async with site.rest() as rest:
        assert await rest.get(BOOK) == b'{"code":-1121}'
    assert (site.asked, site.budget.used, site.breaker.failures) == ([PATH], 50, 0)


async def test_the_venues_count_of_what_we_used_is_taken():
    site = Site()
    site.says(200, X_MBX_USED_WEIGHT_1M="4790")
    async with site.rest() as rest:
        await rest.get(BOOK)
        assert site.budget.used == 4790
        await rest.get(BOOK)
    assert site.clock.slept == [60.0]


@pytest.mark.parametrize(
    ("status", "headers", "wait"),
    [
        (429, {"Retry_After": "13"}, 13),
        (429, {}, 60),
        (418, {"Retry_After": "Thu, 08 Aug 2024 23:58:20 GMT"}, 200),
        (418, {}, 120),
        (403, {}, 600),
    ],
)
async def test_a_refusal_for_rate_holds_the_next_question_back_and_breaks_nothing(
    status, headers, wait
):
    site = Site()
    site.says(status, b"access too frequent", **headers)
    async with site.rest() as rest:
        with pytest.raises(VenueBusyError, match=str(status)) as busy:
            await rest.get(BOOK)
        assert busy.value.retry_after_s == wait
        assert (site.breaker.state, site.breaker.failures) == (BreakerState.CLOSED, 0)
        site.says(200)
        site.clock.seconds += wait if wait > 60 else 0  # nobody waits for a long ban
        await rest.get(BOOK)
    assert (site.clock.seconds, len(site.asked)) == (wait, 2)
    assert site.budget.refusals == {status: 1}


async def test_bybits_refusal_in_a_good_answer_is_no_answer():
    site = Site()
    site.says(
        200,
        b'{"retCode":10006,"retMsg":"Too many visits!"}',
        X_Bapi_Limit_Reset_Timestamp="1723161302500",
    )
    async with site.rest() as rest:
        with pytest.raises(VenueBusyError, match="10006") as busy:
            await rest.get(BOOK)
    assert busy.value.retry_after_s == 2.5
    assert (site.budget.blocked_s, site.breaker.failures) == (2.5, 0)


@pytest.mark.parametrize("status", [404, 451])
async def test_another_refusal_is_told_and_breaks_nothing(status):
    site = Site()
    site.says(status, b"not here")
    async with site.rest() as rest:
        for _ in range(5):
            with pytest.raises(VenueError, match=f"HTTP {status} not here"):
                await rest.get(BOOK)
    assert (len(site.asked), site.breaker.failures, site.budget.blocked_s) == (5, 0, 0)


async def test_a_venue_that_fails_again_and_again_is_left_alone_until_a_probe_succeeds():
    site = Site()
    site.says(503, b"away")
    async with site.rest() as rest:
        for _ in range(3):
            with pytest.raises(VenueError, match="HTTP 503 away"):
                await rest.get(BOOK)
        for _ in range(4):
            with pytest.raises(VenueError, match="breaker is open for 60 s"):
                await rest.get(BOOK)
        # What was not asked was not spent either.
        assert (len(site.asked), site.budget.used) == (3, 150)
        site.clock.seconds = 60.0
        with pytest.raises(VenueError, match="HTTP 503"):
            await rest.get(BOOK)
        assert (site.breaker.state, site.breaker.trips) == (BreakerState.OPEN, 2)
        site.clock.seconds = 120.0
        site.says(200)
        await rest.get(BOOK)
    assert (site.breaker.state, site.breaker.failures) == (BreakerState.CLOSED, 4)


async def test_a_question_that_waited_while_the_breaker_opened_is_not_asked():
    site = Site()
    site.breaker = CircuitBreaker(1, 600.0, monotonic=site.clock.monotonic)
    await site.budget.spend(site.budget.planned)
    async with site.rest() as rest, asyncio.TaskGroup() as group:
        waiting = group.create_task(_refusal(rest))
        await asyncio.sleep(0)
        site.breaker.failed()
    assert "breaker is open" in waiting.result()
    assert (site.asked, site.clock.slept) == ([], [60.0])


async def _refusal(rest: HttpRest) -> str:
    with pytest.raises(VenueError) as refused:
        await rest.get(BOOK)
    return str(refused.value)


async def test_a_venue_that_is_not_there_is_a_failure():
    site = Site()
    # Port 1 of this machine: nobody listens there, and nothing leaves it.
    async with httpx2.AsyncClient(base_url="http://127.0.0.1:1", timeout=2) as client:
        rest = HttpRest(client, budget=site.budget, breaker=site.breaker, clock=site.clock)
        with pytest.raises(VenueError, match="GET /api/v3/depth"):
            await rest.get(BOOK)
    assert site.breaker.failures == 1
