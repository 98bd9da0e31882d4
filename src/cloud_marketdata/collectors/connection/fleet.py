"""Which connections carry which topics, also while running: it grows, shrinks and doubles up.

A symbol that is added goes where there is room, and a new connection is opened where there is none;
those that are there already are not touched. With `hot_hot` every connection has a twin with the
same topics; the desks take whatever comes first.
"""

import asyncio
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Final

from cloud_marketdata.collectors.base import Connection, Topic
from cloud_marketdata.collectors.connection.gear import Gear
from cloud_marketdata.collectors.connection.session import Session
from cloud_marketdata.collectors.lanes.intake import Intake

_TWINS: Final = ("a", "b")


class Fleet:
    """The sessions of one venue."""

    def __init__(self, base_url: str, make_intake: Callable[[], Intake], gear: Gear) -> None:
        self.sessions: list[Session] = []
        self._base_url = base_url
        self._make_intake = make_intake
        self._gear = gear
        self._collector = make_intake().collector
        self._group: asyncio.TaskGroup | None = None
        self._tasks: dict[Session, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Keep every session running until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            for session in self.sessions:
                self._start(session)
            await asyncio.Event().wait()

    def add(self, symbols: Sequence[str]) -> None:
        """Carry these symbols too."""
        for plan in self._collector.connections(symbols):
            waiting = list(plan.topics)
            for number in self._numbers(plan.path):
                waiting = self._fill(plan.path, number, waiting)
            while waiting:
                taken, waiting = self._cut(waiting, self._collector.topics_max)
                self._open(plan, taken)

    def remove(self, symbols: Collection[str]) -> None:
        """Carry these symbols no more."""
        for session in list(self.sessions):
            topics = tuple(t for t in session.plan.topics if t.symbol not in symbols)
            if len(topics) == len(session.plan.topics):
                continue
            session.change(session.plan._replace(topics=topics))
            if not topics:
                self._end(session)

    def _numbers(self, path: str) -> list[int]:
        return sorted({_number(s.plan) for s in self.sessions if s.plan.path == path})

    def _fill(self, path: str, number: int, waiting: list[Topic]) -> list[Topic]:
        """Put topics on a connection and its twin as far as there is room; return the others."""
        twins = [s for s in self.sessions if (s.plan.path, _number(s.plan)) == (path, number)]
        room = self._collector.topics_max - max(len(s.plan.topics) for s in twins)
        taken, left = self._cut(waiting, room)
        for session in twins if taken else ():
            session.change(session.plan._replace(topics=(*session.plan.topics, *taken)))
        return left

    def _open(self, plan: Connection, topics: Sequence[Topic]) -> None:
        number = max(self._numbers(plan.path), default=0) + 1
        for name in self._names(plan.name, number):
            session = Session(
                Connection(name, plan.path, tuple(topics)),
                self._base_url,
                self._make_intake,
                self._gear,
            )
            self.sessions.append(session)
            if self._group:
                self._start(session)

    def _names(self, name: str, number: int) -> Iterator[str]:
        numbered = name if number == 1 else f"{name}-{number}"
        if not self._gear.settings.hot_hot:
            yield numbered
            return
        for twin in _TWINS:
            yield f"{numbered}/{twin}"

    def _start(self, session: Session) -> None:
        assert self._group is not None, "the fleet runs"
        self._tasks[session] = self._group.create_task(session.run())

    def _end(self, session: Session) -> None:
        self.sessions.remove(session)
        task = self._tasks.pop(session, None)
        if task:
            task.cancel()

    @staticmethod
    def _cut(topics: list[Topic], most: int) -> tuple[list[Topic], list[Topic]]:
        return topics[: max(0, most)], topics[max(0, most) :]


def _number(plan: Connection) -> int:
    tail = plan.name.partition("/")[0].rpartition("-")[2]
    return int(tail) if tail.isdigit() else 1
