"""What stands around the tools: who may ask, and what is written down of it.

Over HTTP the edge has let the request in, so its visit says who asks. On stdin and stdout it is
whoever started the process, who owns its files anyway: nothing is asked, and all is recorded.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from fastmcp.server.middleware import Middleware

from cloud_marketdata.api.mcp.admission import Admission
from cloud_marketdata.api.mcp.recording import Recording, Refining
from cloud_marketdata.api.mcp.tape.seats import TapeSeats
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.security.audit.event import AuditEvent
from cloud_marketdata.security.gate import Gate


class Guards(NamedTuple):
    """What sees a request outside of where refusals become problems, and what inside of it."""

    outside: tuple[Middleware, ...] = ()
    inside: tuple[Middleware, ...] = ()


NONE: Final = Guards()
"""For a server that is only described, or asked within a test."""


def over_http(gate: Gate, seats: TapeSeats) -> Guards:
    """Return what guards /mcp behind the edge."""
    return Guards((Refining(),), (Admission(gate, seats),))


def over_stdio(audit: Callable[[AuditEvent], None], clock: Clock) -> Guards:
    """Return what records a server on stdin and stdout."""
    return Guards((Recording(audit, clock),))
