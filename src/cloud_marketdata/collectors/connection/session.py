"""Keeps one connection's topics carried: open, relieve, back off, open again.

A link that is old, warned or has a dead stream is relieved by a new one before it is closed, so
nothing is missed; the tapes drop what both bring. After a loss the delay grows, and it is small
again after a stable minute. A breaker stands before the venue's endpoint.
"""

import asyncio
from collections.abc import Callable, Iterator
from typing import Final

import structlog

from cloud_marketdata.collectors.base import Connection
from cloud_marketdata.collectors.connection.gear import Gear
from cloud_marketdata.collectors.connection.link import Link
from cloud_marketdata.collectors.lanes.intake import Intake
from cloud_marketdata.core.backoff import backoff
from cloud_marketdata.core.errors import VenueError

_STABLE_S: Final = 60.0
_BREAKER_LOOK_S: Final = 1.0


class Session:
    """Runs one Connection; `link` is the link that carries it now, or did last."""

    def __init__(
        self, plan: Connection, base_url: str, make_intake: Callable[[], Intake], gear: Gear
    ) -> None:
        self.plan = plan
        self.link: Link | None = None
        self.reconnects = self.rotations = 0
        self._died = 0
        self._running: list[Link] = []
        self.last_error = ""
        self._url = base_url + plan.path
        self._make_intake = make_intake
        self._gear = gear
        self._successor: Link | None = None
        self._delays = self._new_delays()
        self._log = structlog.get_logger().bind(connection=plan.name)

    @property
    def connected(self) -> bool:
        """Whether a socket is open."""
        return self.link is not None and self.link.connected

    @property
    def live(self) -> bool:
        """Whether data has come over it: an acknowledgement proves nothing."""
        return self.connected and self.link is not None and self.link.intake.live

    @property
    def dead_streams(self) -> int:
        """Streams that were proven dead on a connection that stood."""
        return self._died + sum(link.guard.died for link in self._running)

    async def run(self) -> None:
        """Stay connected until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                await self._permission()
                link = Link(self.plan, self._url, self._make_intake(), self._gear)
                group.create_task(self._carry(link))
                await self._hand_over(link)
                if self.link:
                    await self.link.relief.wait()
                await self._gear.clock.sleep(next(self._delays))

    def change(self, plan: Connection) -> None:
        """Carry other topics from now on, without touching those that stay."""
        self.plan = plan
        for link in (self.link, self._successor):
            if link:
                link.change(plan)

    async def _permission(self) -> None:
        breaker = self._gear.breaker
        while not breaker.allow():
            # Another connection's probe may close it at any time.
            await self._gear.clock.sleep(min(breaker.wait_s() or _BREAKER_LOOK_S, _BREAKER_LOOK_S))

    async def _hand_over(self, link: Link) -> None:
        """Let the new link take over once it is settled; one that fails leaves the old in place."""
        predecessor = self.link
        if predecessor is None or predecessor.lost:
            self.link = link
            return
        self._successor = link
        await _first(link.settled, link.relief, predecessor.ended)
        self._successor = None
        if not predecessor.lost and (link.lost or not link.settled.is_set()):
            # It is in trouble before it was any better than the one it was to relieve.
            link.retire()
            return
        self.link = link
        self.rotations += 1
        self._log.info("session.rotated", why=predecessor.why)
        predecessor.retire()

    async def _carry(self, link: Link) -> None:
        began = self._gear.clock.monotonic()
        self._running.append(link)
        try:
            await link.run()
        except VenueError as error:
            self._ended(link, error)
            _end_if_cancelled()
        finally:
            self._running.remove(link)
            self._died += link.guard.died
        if self._gear.clock.monotonic() - began >= _STABLE_S:
            self._delays = self._new_delays()

    def _ended(self, link: Link, error: VenueError) -> None:
        if link is self.link or link is self._successor:
            self.last_error = str(error)
            self.reconnects += 1
            link.intake.counts["reconnects"] += 1
            self._log.warning("session.lost", error=str(error))

    def _new_delays(self) -> Iterator[float]:
        settings = self._gear.settings
        return backoff(
            self._gear.random, first_s=settings.backoff_first_s, cap_s=settings.backoff_cap_s
        )


async def _first(*events: asyncio.Event) -> None:
    """Return when one of the events is set."""
    async with asyncio.TaskGroup() as group:
        waiting = [group.create_task(event.wait()) for event in events]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()


def _end_if_cancelled() -> None:
    """Raise the cancellation that a task group swallowed because the connection was lost too."""
    task = asyncio.current_task()
    if task and task.cancelling():
        raise asyncio.CancelledError
