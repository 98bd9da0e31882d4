"""One REST address of a venue, with the budget and the breaker that belong to it.

Venues behind one address share its limits: Bybit counts spot and linear together.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from cloud_marketdata.collectors.base import Limits
from cloud_marketdata.collectors.rest.budget import Budget
from cloud_marketdata.collectors.rest.client import Rest, rest_at
from cloud_marketdata.core.breaker import CircuitBreaker
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.config import Settings
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.security.tls.client import client_context


class Address:
    """A base URL and what it allows."""

    def __init__(self, base_url: str, limits: Limits, settings: Settings, clock: Clock) -> None:
        self.budget = Budget(limits, clock)
        self.breaker = breaker_of(settings, clock)
        self._base_url = base_url
        self._timeout_s = settings.rest_timeout_s
        self._clock = clock
        self._authority = settings.tls_ca

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Rest]:
        """Open a client."""
        async with rest_at(
            self._base_url,
            self._timeout_s,
            budget=self.budget,
            breaker=self.breaker,
            clock=self._clock,
            tls=client_context(self._authority),
        ) as rest:
            yield rest

    def detail(self) -> dict[str, object]:
        """Describe it for `/health`."""
        budget = self.budget
        return {
            "breaker": self.breaker.state.value,
            "trips": self.breaker.trips,
            "weight_used": budget.used,
            "weight_planned": budget.planned,
            "refusals": {str(code): count for code, count in budget.refusals.items()},
            "turned_away": budget.turned_away,
            "blocked_s": round(budget.blocked_s, 1),
        }


def addresses_of(
    settings: Settings, limits: Mapping[Venue, Limits], clock: Clock
) -> dict[Venue, Address]:
    """Return the address of every venue; those behind one URL share one, and with it its limits."""
    by_url: dict[str, Address] = {}
    for venue in Venue:
        url = settings.endpoints[venue].rest
        by_url[url] = by_url.get(url) or Address(url, limits[venue], settings, clock)
    return {venue: by_url[settings.endpoints[venue].rest] for venue in Venue}


def breaker_of(settings: Settings, clock: Clock) -> CircuitBreaker:
    """Return a breaker as the settings want it."""
    return CircuitBreaker(
        settings.breaker_failures, settings.breaker_recovery_s, monotonic=clock.monotonic
    )
