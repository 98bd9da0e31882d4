"""What a request passes before its question is looked at, always in this order.

Sizes, host, origin, the limit of the address, the key, the scope, the limit of the key. What costs
nothing comes before what costs a look-up, and nobody is told anything of a key before the address
has been counted.
"""

from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import Response
from starlette.types import Scope

from cloud_marketdata.api.edge.asked import Asked
from cloud_marketdata.api.edge.credentials import refuse_key_in_address
from cloud_marketdata.api.edge.directory import Place
from cloud_marketdata.api.edge.hosts import Hosts
from cloud_marketdata.api.edge.needs import MCP_PATH, SOCKET
from cloud_marketdata.api.edge.origins import Origins, asks_before, permission
from cloud_marketdata.api.edge.sizes import check_sizes
from cloud_marketdata.api.edge.visit import Visit
from cloud_marketdata.api.wire.formats import Format
from cloud_marketdata.api.wire.negotiation import NotAcceptableError, wanted_format
from cloud_marketdata.core.config import Settings
from cloud_marketdata.security.gate import Gate
from cloud_marketdata.security.identity import NOBODY, Identity
from cloud_marketdata.security.limits.costs import cost_of_route
from cloud_marketdata.security.limits.counted import Counted
from cloud_marketdata.security.refusals import KeyMissingError

_NAMELESS: Final = ("", 0)


class Door:
    """Lets a request in, or raises what it is refused with."""

    def __init__(self, gate: Gate, settings: Settings) -> None:
        self._gate = gate
        self._hosts = Hosts(settings)
        self._origins = Origins(settings)

    async def pass_through(
        self, asked: Asked, place: Place, visit: Visit, scope: Scope
    ) -> Response | None:
        """Check everything; return an answer only where the question ends at the door.

        What becomes known of the visit is noted in it on the way. Raises RefusedError,
        BadRequestError, HTTPException or StorageError.
        """
        check_sizes(asked)
        server = (scope.get("server") or _NAMELESS)[0]
        self._hosts.check(asked, server, always=place.template == MCP_PATH)
        visit.origin = self._origins.check(asked)
        _count(visit, await self._gate.arrive(visit.knock, here=place.need.probe))
        if visit.origin and asks_before(asked):
            visit.action = "cors.preflight"
            return permission()
        refuse_key_in_address(asked)
        visit.identity = await self._identity(place, visit)
        place.ensure()
        # What a connection costs is counted where it is accepted, like all that follows on it.
        if place.method != SOCKET:
            cost = cost_of_route(place.template, exported=_exported(scope))
            _count(visit, await self._gate.allow(visit.identity, place.need.scope, cost))
        return None

    async def _identity(self, place: Place, visit: Visit) -> Identity:
        """Say who it is; nobody, where that is enough."""
        if place.need.probe:
            return NOBODY
        try:
            return await self._gate.identify(visit.knock)
        except KeyMissingError:
            if place.need.known:
                raise
            return NOBODY


def _count(visit: Visit, counted: Counted | None) -> None:
    if counted is not None:
        visit.counted = (*visit.counted, counted)


def _exported(scope: Mapping[str, Any]) -> bool:
    """Whether a table is asked for in a form that is made from all of it."""
    try:
        return wanted_format(scope) is not Format.JSON
    except NotAcceptableError:
        return False
