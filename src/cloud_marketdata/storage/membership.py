"""One process among its like: it says that it lives, and knows which work is its own.

While the store of the members is away the last list is kept: nobody else can have read another one,
and what is held is held by leases anyway.
"""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Final

import structlog

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.core.health import Pulse
from cloud_marketdata.core.rendezvous import ranked
from cloud_marketdata.core.telemetry.catalogue import MEMBERS, REBALANCES
from cloud_marketdata.core.telemetry.metric import Sample
from cloud_marketdata.storage.sharing_ports import Members

_BEATS: Final = 4
"""Beats in the time that one of them is good for."""


class Membership:
    """Keeps `name` among the living of `group`; `changes` counts how often the list was another.

    seconds: for how long a beat is good: a member that died is missed after it.
    """

    def __init__(
        self, members: Members, group: str, name: str, *, seconds: float, clock: Clock
    ) -> None:
        self.group = group
        self.name = name
        self.living: Sequence[str] = ()
        self.changes = 0
        self.leaving = False
        self.changed = asyncio.Event()
        """Set whenever the list has become another one; who waits for it clears it."""
        self._members = members
        self._seconds = seconds
        self._clock = clock
        self._trouble = ""

    def rank(self, work: str, copies: int = 1) -> int | None:
        """Return which of the `copies` of the work is ours, 0 for the first; None for none."""
        first = ranked(work, self.living)[:copies]
        return first.index(self.name) if self.name in first else None

    async def run(self) -> None:
        """Beat until cancelled."""
        while True:
            await self.beat()
            await self._clock.sleep(self._seconds / _BEATS)

    async def beat(self) -> None:
        """Say once that we live, or look once who does where we are leaving."""
        try:
            self._heard(await self._ask())
        except StorageError as error:
            if not self._trouble:
                structlog.get_logger().warning("members.away", group=self.group, error=str(error))
            self._trouble = str(error)

    async def leave(self) -> None:
        """Be one of them no more, so that others take over what is ours; told once."""
        self.leaving = True
        try:
            await self._members.leave(self.group, self.name)
        except StorageError as error:
            structlog.get_logger().warning("members.not_left", error=str(error))
        self._heard([name for name in self.living if name != self.name])

    def measures(self) -> Iterator[Sample]:
        """See core.telemetry.metric.Measured."""
        yield MEMBERS.of(len(self.living), self.group)
        yield REBALANCES.of(self.changes, self.group)

    async def pulse(self) -> Pulse:
        """See core.health.Component."""
        detail: dict[str, object] = {
            "group": self.group,
            "name": self.name,
            "living": list(self.living),
            "changes": self.changes,
            "error": self._trouble,
        }
        ok = not self._trouble
        state = "ok" if ok else "unanswered"
        return Pulse("processing", f"members of {self.group}", state, ok=ok, detail=detail)

    async def _ask(self) -> Sequence[str]:
        if self.leaving:
            return await self._members.living(self.group)
        return await self._members.beat(self.group, self.name, self._seconds)

    def _heard(self, living: Sequence[str]) -> None:
        self._trouble = ""
        if list(living) == list(self.living):
            return
        log = structlog.get_logger()
        log.info("members.changed", group=self.group, living=len(living))
        self.living = living
        self.changes += 1
        self.changed.set()
