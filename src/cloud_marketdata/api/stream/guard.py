"""What stands between the live stream and who wants to read it, as main puts it together."""

from collections.abc import Callable
from typing import NamedTuple

from cloud_marketdata.api.stream.rounds import Rounds
from cloud_marketdata.security.audit.event import AuditEvent
from cloud_marketdata.security.gate import Gate
from cloud_marketdata.security.limits.seats import Seats


class StreamGuard(NamedTuple):
    """Who may come in, how many may sit here, whose key still holds, and what is remembered."""

    gate: Gate
    seats: Seats
    rounds: Rounds
    audit: Callable[[AuditEvent], None]
