"""kill -9 of a collector whose journal holds entries because Redis is away.

What stood in the journal comes into the log under its own positions, once, also where the collector
is killed again while it drains; nothing that the venues have made is lost in between.
"""

import shutil
import sys
import time
from pathlib import Path
from random import Random
from typing import Final

import pytest
from deployed import PATIENCE_S, Deployed
from processes import eventually
from rawlog import RawLog
from venues import markets
from verdict import judge

from cloud_marketdata.domain.values import Venue
from cloud_marketdata.storage.entry import Entry
from cloud_marketdata.storage.journal.file import Journal
from cloud_marketdata.storage.redis.spans import entry_id
from servers.redis import RedisServer

VENUES: Final = (Venue.BINANCE_SPOT, Venue.BINANCE_USDM, Venue.BYBIT_LINEAR)
ROOM: Final = 1 << 40
AWAY_S: Final = 2.0
DRAINING_S: Final = 4.0


def journalled(folder: Path, copy: Path) -> list[Entry]:
    """Return all that stands in a journal, in its order, leaving it as it is."""
    shutil.copytree(folder, copy)
    journal, found = Journal(copy, ROOM), []
    while entries := journal.first(ROOM):
        found += entries
        journal.drop(len(entries))
    return found


def are_in(log: RawLog, entries: list[Entry]) -> bool:
    """Whether each stands in the log, as it was and at the place that it had in the journal."""
    for stream in {entry.stream for entry in entries}:
        held = dict(log.entries(stream))
        mine = {entry_id(e.position).encode(): e.block for e in entries if e.stream == stream}
        if not mine.items() <= held.items():
            return False
    return True


def size(folder: Path) -> int:
    """Return the bytes of a folder's files."""
    return sum(path.stat().st_size for path in folder.glob("*"))


class Outage:
    """Redis goes away in one of three ways, and comes back to a collector that was killed twice."""

    def __init__(self, deployed: Deployed, redis: RedisServer, folder: Path) -> None:
        self.journalled = 0
        self._deployed = deployed
        self._redis = redis
        self._folder = folder
        self._journal = deployed.data / "journal"

    def happen(self, number: int, random: Random) -> None:
        """Let it happen once."""
        deployed, collector = self._deployed, self._deployed.collector
        deployed.await_work(collector, deployed.worker)
        before = size(self._journal)
        (self._redis.pause, self._redis.stop, self._redis.kill)[number % 3]()
        eventually(lambda: size(self._journal) > before, PATIENCE_S)
        time.sleep(random.uniform(0, AWAY_S))
        collector.kill()
        entries = journalled(self._journal, self._folder / f"copy-{number}")
        assert entries
        deployed.look_at_venues()
        self._redis.start()
        deployed.launch(collector)
        time.sleep(random.uniform(0, DRAINING_S))
        collector.kill()
        deployed.look()
        deployed.launch(collector)
        deployed.await_work(collector, deployed.worker)
        eventually(lambda: are_in(deployed.log, entries), PATIENCE_S)
        self.journalled += len(entries)


@pytest.mark.parametrize("rounds", [3, pytest.param(20, marks=pytest.mark.long)])
@pytest.mark.parametrize("seed", [20240810])
def test_what_a_killed_collector_has_journalled_is_not_lost(
    redis_server, deployment, tmp_path, seed, rounds
):
    random = Random(seed)  # noqa: S311  a seed must repeat
    with (
        markets(VENUES, seed) as venues,
        Deployed(tmp_path, deployment, venues, MARKETDATA_STORE_TIMEOUT_S="1") as deployed,
    ):
        deployed.look()
        deployed.launch(deployed.collector, deployed.worker)
        deployed.await_all_markets()
        outage = Outage(deployed, redis_server, tmp_path)
        for number in range(rounds):
            outage.happen(number, random)
        deployed.finish()
        compared = judge(deployed, deployment)
        restamped = deployed.said(deployed.collector, "journal.restamped")
    sys.stdout.write(
        f"{rounds} outages, {outage.journalled} entries journalled, {restamped} times restamped, "
        f"{compared}\n"
    )
