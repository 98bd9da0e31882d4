"""Admin calls: which symbols are collected, changed at once and without touching the others.

The edge lets in who has the scope `keys:admin`, which this machine has where no keys are asked for.
"""

import asyncio
from collections.abc import Awaitable, Collection, Mapping, Sequence
from typing import ClassVar, Final, Protocol

from fastapi import APIRouter
from starlette.responses import Response

from cloud_marketdata.api.envelope import Wire
from cloud_marketdata.api.errors import problems
from cloud_marketdata.api.rest import SymbolName, VenueName, encoded
from cloud_marketdata.core.errors import MarketDataError, UnknownMarketError, VenueError
from cloud_marketdata.domain.values import Venue

PATIENCE_S: Final = 15.0


class Roster(Protocol):
    """The symbols of one venue, as whoever collects them keeps them."""

    @property
    def collected(self) -> Sequence[str]:
        """Symbols that are collected now."""
        ...

    @property
    def configured(self) -> Sequence[str]:
        """Symbols that the settings name."""
        ...

    @property
    def discovered(self) -> Sequence[str]:
        """Symbols that were found by their rank."""
        ...

    @property
    def added(self) -> Sequence[str]:
        """Symbols that admin calls added."""
        ...

    @property
    def removed(self) -> Collection[str]:
        """Symbols that admin calls removed."""
        ...

    @property
    def unknown(self) -> Sequence[str]:
        """Symbols that are wanted and that the venue does not list."""
        ...

    async def add(self, symbol: str) -> None:
        """Collect a symbol; raises UnknownMarketError, VenueError or StorageError."""
        ...

    async def remove(self, symbol: str) -> None:
        """Collect a symbol no more; raises as `add`."""
        ...


class NotCollectingError(MarketDataError):
    """This process collects nothing, because of its role."""

    code: ClassVar[str] = "not_collecting"
    status: ClassVar[int] = 409


class VenueSymbols(Wire):
    """The symbols of a venue: what is collected, and where that comes from."""

    venue: str
    collected: list[str]
    configured: list[str]
    discovered: list[str]
    added: list[str]
    removed: list[str]
    unknown: list[str]


class VenueSymbolsAnswer(Wire):
    """Answer of a change: how it stands now."""

    data: VenueSymbols


class SymbolsAnswer(Wire):
    """Answer of /v1/admin/symbols."""

    data: list[VenueSymbols]


def build_admin(rosters: Mapping[Venue, Roster]) -> APIRouter:
    """Return the routes over these rosters; none where this process collects nothing."""
    router = APIRouter(
        prefix="/v1/admin/symbols",
        responses=problems(404, 409, 422, 500, 503),
    )

    @router.get("", response_model=SymbolsAnswer)
    async def get_symbols() -> Response:
        """Tell which symbols are collected, and why."""
        venues = _collecting(rosters)
        return encoded(SymbolsAnswer(data=[_told(venue, venues[venue]) for venue in venues]))

    @router.put("/{venue}/{symbol}", response_model=VenueSymbolsAnswer)
    async def put_symbol(venue: VenueName, symbol: SymbolName) -> Response:
        """Collect a symbol until the settings are read again or the process ends."""
        roster = _roster(rosters, venue)
        await _patiently(roster.add(symbol))
        return encoded(VenueSymbolsAnswer(data=_told(Venue(venue), roster)))

    @router.delete("/{venue}/{symbol}", response_model=VenueSymbolsAnswer)
    async def delete_symbol(venue: VenueName, symbol: SymbolName) -> Response:
        """Collect a symbol no more, for as long; what is stored of it stays."""
        roster = _roster(rosters, venue)
        await _patiently(roster.remove(symbol))
        return encoded(VenueSymbolsAnswer(data=_told(Venue(venue), roster)))

    return router


def _collecting(rosters: Mapping[Venue, Roster]) -> Mapping[Venue, Roster]:
    if not rosters:
        msg = "this process collects nothing; ask the one whose role is collect or all"
        raise NotCollectingError(msg)
    return rosters


def _roster(rosters: Mapping[Venue, Roster], venue: str) -> Roster:
    if venue not in set(Venue):
        msg = f"there is no venue {venue[:40]}; there is {', '.join(Venue)}"
        raise UnknownMarketError(msg)
    return _collecting(rosters)[Venue(venue)]


async def _patiently(change: Awaitable[None]) -> None:
    """Await a change; it is cancelled, and so does not happen, where the venue takes too long."""
    try:
        await asyncio.wait_for(change, PATIENCE_S)
    except TimeoutError as error:
        msg = f"the venue has not answered within {PATIENCE_S:.0f} s"
        raise VenueError(msg) from error


def _told(venue: Venue, roster: Roster) -> VenueSymbols:
    return VenueSymbols(
        venue=venue.value,
        collected=list(roster.collected),
        configured=list(roster.configured),
        discovered=list(roster.discovered),
        added=list(roster.added),
        removed=sorted(roster.removed),
        unknown=list(roster.unknown),
    )
