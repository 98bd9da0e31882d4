"""The whole deployment at work: venues, servers, seven members, readers, and who watches them.

Two collectors, three processors and two replicas, over a Redis Cluster of six nodes, a MongoDB set
of three and an S3, each member a process that shares nothing else with the others.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import pymongo
from cluster_market import MarketName, Venues, venues
from cluster_members import Member, members
from cluster_readers import Asker, Listener
from cluster_watch import ClusterWatch, saved_positions
from deployed import PATIENCE_S
from outage_servers import Servers
from outage_stage import ClusterLog
from processes import ask, eventually

from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.storage.ports import Stream, StreamKind
from servers.program import until

SYMBOLS: Final = ("BTCUSDT", "ETHUSDT")
SPEED: Final = 1


class ClusterStage:
    """A deployment that has begun; it is ended by whoever staged it."""

    def __init__(
        self, servers: Servers, found: Venues, crew: list[Member], watch: ClusterWatch
    ) -> None:
        self.servers = servers
        self.venues = found
        self.members = crew
        self.watch = watch
        self.clock = SystemClock()
        self.log = ClusterLog(servers.places["redis_url"])
        self.asker = Asker(self.urls, list(found.tapes))
        self.listener = Listener(self.urls, list(found.tapes))
        self._mongo: pymongo.MongoClient[dict[str, Any]]
        self._mongo = pymongo.MongoClient(servers.places["mongodb_url"])
        self.database = self._mongo[servers.places["mongodb_database"]]

    @property
    def urls(self) -> list[str]:
        """Where the replicas answer."""
        return [member.url for member in self.of("serve")]

    def of(self, role: str) -> list[Member]:
        """Return the members of a role."""
        return [member for member in self.members if member.role == role]

    def close(self) -> None:
        """End what still runs."""
        for member in self.members:
            member.program.kill()
        self.log.close()
        self._mongo.close()

    def begin(self) -> None:
        """Start everybody, and return when all markets are logged and folded."""
        for member in self.members:
            member.launch()
        self.await_ready()
        self.await_moving()

    def await_ready(self) -> None:
        """Return when every member says that it is ready."""
        for member in self.members:
            eventually(member.ready, PATIENCE_S)

    def await_moving(self) -> None:
        """Return when trades that came from now on have been logged and saved in every market."""
        ends = self.ends()
        streams = [Stream(*market, StreamKind.TRADES) for market in self.venues.tapes]

        def moved() -> bool:
            saved = saved_positions(self.database)
            return all(saved.get(stream, 0) > ends.get(stream, 0) for stream in streams)

        eventually(moved, PATIENCE_S)

    def ends(self) -> Mapping[Stream, int]:
        """Return how far the log of every market has come; waits while Redis is away."""
        return until(self.log.ends, PATIENCE_S)

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        time.sleep(seconds)

    def coverage(self, market: MarketName, start: int, end: int) -> dict[str, Any]:
        """Return what a replica says of the completeness of a market's trades."""
        venue, symbol = market
        path = f"/v1/markets/{venue}/{symbol}/coverage"
        return ask(self.urls[0], path, start=start, end=end)["data"]

    def heal(self) -> None:
        """Have all members at work, and every gap repaired that can prove itself."""
        self.await_ready()
        self.await_moving()
        self.venues.look()
        for market, tape in self.venues.tapes.items():
            if market[0].contiguous_ids:
                times = [made.time_ms for made in list(tape.made.values())]
                span = (market, min(times), max(times) + 1)
                eventually(lambda s=span: self.coverage(*s)["missing_trades"] == 0, PATIENCE_S)

    def drain(self) -> None:
        """End the load, and have all of it folded by whoever owns it; the replicas stay."""
        for member in self.of("collect"):
            member.stop()
            assert member.said("service.not_written") == 0
        eventually(self._all_is_folded, PATIENCE_S)
        self.venues.look()

    def finish(self) -> None:
        """End processors and replicas."""
        for member in (*self.of("process"), *self.of("serve")):
            member.stop()
        assert self._all_is_folded()

    def _all_is_folded(self) -> bool:
        saved = saved_positions(self.database)
        return all(saved.get(stream, 0) == end for stream, end in self.ends().items())


@contextmanager
def cluster(folder: Path, servers: Servers, seed: int, **more: str) -> Iterator[ClusterStage]:
    """Yield a deployment at work, with readers that ask and listen all the time."""
    with ExitStack() as stack:
        found = stack.enter_context(venues(seed, SYMBOLS, SPEED))
        crew = list(members(folder, servers.places, found, SYMBOLS, **more))
        mongo = stack.enter_context(pymongo.MongoClient(servers.places["mongodb_url"]))
        database = mongo[servers.places["mongodb_database"]]
        watch = ClusterWatch(servers.places["redis_url"], database)
        stage = ClusterStage(servers, found, crew, watch)
        stack.callback(stage.close)
        stage.begin()
        for reader in (watch, stage.asker, stage.listener):
            stack.enter_context(reader)
        yield stage
