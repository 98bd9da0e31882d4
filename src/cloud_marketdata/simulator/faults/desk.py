"""Where faults are set, listed and cleared while the simulator runs: `/_faults`.

POST sets what its body says, all of it or nothing; GET tells each fault with how often it has
struck, and how many clients were cut because too many late frames waited; DELETE ends all faults.
"""

from collections.abc import Sequence

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from cloud_marketdata.simulator.faults.language import FaultError, parse
from cloud_marketdata.simulator.faults.mischief import Mischief


def set_faults(text: str, venues: Sequence[Mischief]) -> None:
    """Set faults at the venues they are meant for; raises FaultError before any is set."""
    faults = parse(text)
    for fault in faults:
        if not any(mischief.knows(fault) for mischief in venues):
            names = ", ".join(mischief.venue for mischief in venues)
            msg = f"fault {str(fault)!r} can strike at no venue here ({names})"
            raise FaultError(msg)
    for fault in faults:
        for mischief in venues:
            if mischief.knows(fault):
                mischief.add(fault)


class FaultDesk:
    """The routes of the faults of all venues on stage."""

    def __init__(self, venues: Sequence[Mischief]) -> None:
        self._venues = venues

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        return [
            Route("/_faults", self._list, methods=["GET"]),
            Route("/_faults", self._set, methods=["POST"]),
            Route("/_faults", self._clear, methods=["DELETE"]),
        ]

    async def _set(self, request: Request) -> Response:
        try:
            set_faults((await request.body()).decode(errors="replace"), self._venues)
        except FaultError as error:
            return Response(str(error), 400, media_type="text/plain")
        for mischief in self._venues:
            await mischief.tick()
        return self._report()

    async def _list(self, request: Request) -> Response:
        del request
        return self._report()

    async def _clear(self, request: Request) -> Response:
        del request
        for mischief in self._venues:
            mischief.clear()
        return self._report()

    def _report(self) -> Response:
        rows = [row for mischief in self._venues for row in mischief.report()]
        overrun = sum(mischief.audience.overrun for mischief in self._venues)
        body = msgspec.json.encode({"faults": rows, "overrun": overrun})
        return Response(body, media_type="application/json")
