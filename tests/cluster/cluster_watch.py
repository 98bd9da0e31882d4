"""Sees ten times a second how far the log and the stored aggregates of every market have come.

From that follows how long markets stood still around an event: the longest time in which one that
trades all the time brought nothing new.
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Final, NamedTuple

from outage_stage import ClusterLog
from pymongo.database import Database
from pymongo.errors import PyMongoError
from redis.exceptions import RedisError

from background import Background
from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.storage.ports import Stream, StreamKind

_EVERY_S: Final = 0.1
Positions = Mapping[Stream, int]


class Sight(NamedTuple):
    """How far each market was at a moment, in s of a monotonic clock."""

    at: float
    positions: Positions


class Stall(NamedTuple):
    """The longest standstill of any market, in s, and how long until all had moved on."""

    still_s: float
    on_s: float


class ClusterWatch(Background):
    """A thread; a context manager around it."""

    def __init__(self, url: str, database: Database[Any]) -> None:
        super().__init__(self._look)
        self.clock = SystemClock()
        self.logged: list[Sight] = []
        self.saved: list[Sight] = []
        self._url = url
        self._database = database

    def stall(self, sights: list[Sight], began: float, base: Positions, until: float) -> Stall:
        """Return what an event did.

        base: how far the log had come when it was over. until: where nobody looks any further.
        """
        worst = Stall(0.0, 0.0)
        for stream, position in base.items():
            moves = _moves(sights, stream, until)
            on = next((at for at, now in moves if at > began and now > position), until)
            before = max((at for at, _ in moves if at <= began), default=began)
            times = [before, *(at for at, _ in moves if began < at <= on), on]
            still = max(after - then for then, after in pairwise(times))
            worst = Stall(max(worst.still_s, still), max(worst.on_s, on - began))
        return worst

    def _look(self) -> None:
        log = ClusterLog(self._url)
        try:
            while not self.over.wait(_EVERY_S):
                try:
                    ends = log.ends()
                    self.logged.append(Sight(self.clock.monotonic(), ends))
                    saved = saved_positions(self._database)
                    self.saved.append(Sight(self.clock.monotonic(), saved))
                except (RedisError, PyMongoError, OSError):
                    continue
        finally:
            log.close()


def saved_positions(database: Database[Any]) -> dict[Stream, int]:
    """Return the position up to which MongoDB has each market."""
    found = database["markets"].find({}, {"venue": 1, "symbol": 1, "position": 1})
    return {
        Stream(Venue(one["venue"]), one["symbol"], StreamKind.TRADES): one.get("position", 0)
        for one in found
    }


def _moves(sights: list[Sight], stream: Stream, until: float) -> list[tuple[float, int]]:
    """Return when a market was first seen further than before, and how far."""
    moves, last = [], -1
    for at, positions in sights:
        now = positions.get(stream, -1)
        if now > last and at <= until:
            moves.append((at, now))
            last = now
    return moves
