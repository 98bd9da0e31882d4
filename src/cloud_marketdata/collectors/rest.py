"""A venue's REST: bodies in, or one kind of error. Limits and breakers find their place here."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, Protocol

import httpx2

from cloud_marketdata.collectors.base import Ask
from cloud_marketdata.core.errors import VenueError

# A refusal with these carries a body in the venue's own words, which its decoder understands.
_ANSWERS: Final = frozenset({200, 400})


class Rest(Protocol):
    """Asks a venue."""

    async def get(self, ask: Ask) -> bytes:
        """Return the body of a GET; raises VenueError where there is none to understand."""
        ...


class HttpRest:
    """Rest over one HTTP client."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self._client = client

    async def get(self, ask: Ask) -> bytes:
        """See Rest."""
        path = ask.path
        try:
            response = await self._client.get(path)
        except httpx2.HTTPError as error:
            msg = f"GET {path}: {error or type(error).__name__}"
            raise VenueError(msg) from error
        if response.status_code not in _ANSWERS:
            msg = f"GET {path}: HTTP {response.status_code} {response.text[:200]}"
            raise VenueError(msg)
        return response.content


@asynccontextmanager
async def rest_at(base_url: str, timeout_s: float) -> AsyncIterator[Rest]:
    """Open a client for one venue's base URL."""
    async with httpx2.AsyncClient(base_url=base_url, timeout=timeout_s) as client:
        yield HttpRest(client)
