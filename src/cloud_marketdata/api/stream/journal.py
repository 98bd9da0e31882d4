"""What the audit log gets of one connection: its beginning, each of its requests, and its end.

One event for each, whatever became of it. What a request asked for is told as far as it has a
name; a key never is.
"""

from collections.abc import Callable
from typing import Final, Literal, NamedTuple

from cloud_marketdata.api.errors import Problem
from cloud_marketdata.api.stream.bearer import Bearer
from cloud_marketdata.api.stream.delivery import Delivery
from cloud_marketdata.api.stream.messages import Op
from cloud_marketdata.api.stream.outbox import Parting
from cloud_marketdata.api.stream.requests import short
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.security.audit.event import AuditEvent

_NAMED_MOST: Final = 20
_SWITCHED: Final = 101
_OK: Final = 200
_SERVER_FAULT: Final = 500
_LEFT: Final = 1005
_PEACEFUL: Final = frozenset({1000, 1012})
_OURS: Final = frozenset({1011, 4408})
Outcome = Literal["ok", "refused", "failed"]


class Told(NamedTuple):
    """What became of something: a code and a status, where they say more than that it was done."""

    outcome: Outcome = "ok"
    code: str = ""
    status: int = _OK


class Journal:
    """Records what one connection does."""

    def __init__(self, audit: Callable[[AuditEvent], None], bearer: Bearer, clock: Clock) -> None:
        self._audit = audit
        self._bearer = bearer
        self._clock = clock
        self._began = clock.monotonic()

    def connected(self) -> None:
        """Record that the connection was accepted."""
        self._record("ws.connect", Told(status=_SWITCHED), {}, self._clock.monotonic())

    def closed(self, delivery: Delivery) -> None:
        """Record the end, and how much was sent until then."""
        parting = self._bearer.outbox.parting
        told = Told(status=_LEFT)
        if parting is not None:
            told = Told(outcome_of(parting), parting.code, parting.close)
        params = {"frames": str(delivery.frames)}
        self._record("ws.close", told, params, self._began, size=delivery.characters)

    def asked(self, given: dict[str, object], problem: Problem | None, began: float) -> None:
        """Record one request; `began` is when it came, by the monotonic clock."""
        op = given.get("op")
        known = isinstance(op, str) and op in set(Op)
        told = Told()
        if problem is not None:
            failed = problem.status >= _SERVER_FAULT
            told = Told("failed" if failed else "refused", problem.code, problem.status)
        self._record(f"ws.{op}" if known else "ws.unreadable", told, _named(given), began)

    def _record(
        self, action: str, told: Told, params: dict[str, str], began: float, *, size: int = 0
    ) -> None:
        identity, visit = self._bearer.identity, self._bearer.visit
        passed = self._clock.monotonic() - began
        self._audit(
            AuditEvent(
                action=action,
                surface="ws",
                outcome=told.outcome,
                code=told.code,
                status=told.status,
                key_id=identity.key_id,
                owner=identity.owner,
                address=visit.address,
                agent=visit.agent,
                resource=visit.resource,
                params=params,
                latency_us=round(passed * 1_000_000),
                bytes=size,
                request_id=visit.request_id,
            )
        )


def outcome_of(parting: Parting) -> Outcome:
    """Say whose fault an end is: nobody's, the client's, or that of reading too slowly."""
    if parting.close in _PEACEFUL:
        return "ok"
    return "failed" if parting.close in _OURS else "refused"


def _named(given: dict[str, object]) -> dict[str, str]:
    """Return the channels that a request names, the first of them where there are many."""
    listed = given.get("channels")
    if not isinstance(listed, list):
        return {}
    names = [_name(one) for one in listed[:_NAMED_MOST] if isinstance(one, dict)]
    more = [f"and {len(listed) - _NAMED_MOST} more"] if len(listed) > _NAMED_MOST else []
    return {"channels": ", ".join([*names, *more])}


def _name(channel: dict[str, object]) -> str:
    parts = (short(channel.get(part)) or "?" for part in ("name", "venue", "symbol"))
    return ":".join(parts) + (";from" if "from" in channel else "")
