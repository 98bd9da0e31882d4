"""A venue's REST: bodies in, or one kind of error. Nothing is asked that the venue would punish.

A question waits for the budget of its address. It is refused here while the breaker is open, and a
refusal for rate is handed to the budget, which then holds back everybody.
"""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, Protocol

import httpx2

from cloud_marketdata.collectors.base import Ask
from cloud_marketdata.collectors.rest.budget import Budget
from cloud_marketdata.collectors.rest.throttle import Throttled, throttled, used_weight
from cloud_marketdata.core.breaker import CircuitBreaker
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.errors import VenueBusyError, VenueError
from cloud_marketdata.security.tls.client import client_context

# A refusal with these carries a body in the venue's own words, which its decoder understands.
_ANSWERS: Final = frozenset({200, 400})
_BROKEN: Final = 500


class Rest(Protocol):
    """Asks a venue."""

    async def get(self, ask: Ask) -> bytes:
        """Return the body of a GET; raises VenueError where there is none to understand.

        VenueBusyError says that the venue is well and wants to be asked later.
        """
        ...


class HttpRest:
    """Rest over one HTTP client; budget and breaker belong to its address, not to it."""

    def __init__(
        self, client: httpx2.AsyncClient, *, budget: Budget, breaker: CircuitBreaker, clock: Clock
    ) -> None:
        self._client = client
        self._budget = budget
        self._breaker = breaker
        self._clock = clock

    async def get(self, ask: Ask) -> bytes:
        """See Rest."""
        if self._breaker.wait_s():
            raise self._open(ask.path)
        await self._budget.spend(ask.weight, spare=ask.spare)
        if not self._breaker.allow():
            # It opened while this question waited. The weight stays spent, to the safe side.
            raise self._open(ask.path)
        response = await self._answer(ask.path)
        used = used_weight(response.headers)
        if used is not None:
            self._budget.told_used(used)
        self._judge(ask.path, response)
        return response.content

    async def _answer(self, path: str) -> httpx2.Response:
        try:
            return await self._client.get(path)
        except httpx2.HTTPError as error:
            self._breaker.failed()
            msg = f"GET {path}: {str(error) or type(error).__name__}"
            raise VenueError(msg) from error

    def _judge(self, path: str, response: httpx2.Response) -> None:
        """Tell breaker and budget what the answer means; raises where it has no use."""
        status = response.status_code
        if status >= _BROKEN:
            self._breaker.failed()
        else:
            # Whatever it says, the venue is there.
            self._breaker.succeeded()
        refusal = throttled(status, response.headers, response.content, self._clock.now())
        if refusal:
            raise self._busy(path, refusal)
        if status not in _ANSWERS:
            msg = f"GET {path}: HTTP {status} {response.text[:200]}"
            raise VenueError(msg)

    def _busy(self, path: str, refusal: Throttled) -> VenueBusyError:
        self._budget.refused(*refusal)
        wait = self._budget.blocked_s
        msg = f"GET {path}: asked too often ({refusal.code}), next in {wait:.0f} s"
        return VenueBusyError(msg, wait)

    def _open(self, path: str) -> VenueError:
        wait = self._breaker.wait_s()
        return VenueError(f"GET {path}: not asked, the breaker is open for {wait:.0f} s more")


@asynccontextmanager
async def rest_at(
    base_url: str,
    timeout_s: float,
    *,
    budget: Budget,
    breaker: CircuitBreaker,
    clock: Clock,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[Rest]:
    """Open a client for one venue's base URL, within the budget and the breaker of that address.

    tls: whom to believe of those who answer `https://`; by default the system's own authorities.
    """
    verify = tls or client_context()
    async with httpx2.AsyncClient(base_url=base_url, timeout=timeout_s, verify=verify) as client:
        yield HttpRest(client, budget=budget, breaker=breaker, clock=clock)
