"""A worker that stands still past its lease, is relieved by another one, and wakes up.

The sleeper learns that it was fenced off and stores nothing more, wherever it stood when it fell
asleep; between the two of them nothing is lost and nothing counted twice.
"""

import re
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest
from deployed import PATIENCE_S, Deployed
from processes import eventually
from pymongo.database import Database
from venues import markets
from verdict import judge

from cloud_marketdata.domain.values import Venue
from servers.program import Program

VENUES: Final = (Venue.BINANCE_USDM, Venue.BYBIT_LINEAR)
AT_WORK_S: Final = 0.5
_REASON: Final = re.compile(r'"error": "([^"]*)"')


@contextmanager
def fences_only_grow(database: Database[Any]) -> Iterator[None]:
    """Assert of every save in the block, in the order of MongoDB's own log, who made it.

    Each save notes its maker's token, so one of a worker that was fenced off would be a lower
    token behind a higher one.
    """
    with database["markets"].watch() as changes:
        yield
        seen: dict[Any, list[int]] = {}
        while change := changes.try_next():
            update = change.get("updateDescription")
            after = update["updatedFields"] if update else change["fullDocument"]
            if "fence" in after:
                seen.setdefault(change["documentKey"]["_id"], []).append(after["fence"])
    assert len(seen) == len(VENUES)
    for fences in seen.values():
        assert len(fences) > 1
        assert fences == sorted(fences)


class Pair:
    """Two workers, of whom one sleeps now and then; `holders` are their names to the leases."""

    def __init__(self, deployed: Deployed) -> None:
        self.deployed = deployed
        self.holders: dict[Program, bytes] = {}
        self.taken = 0

    def sleep(self, sleeper: Program, other: Program, random: Random) -> None:
        """Pause the one until the other works in its place, and let it go on."""
        deployed = self.deployed
        deployed.await_work(deployed.worker)
        time.sleep(random.uniform(0, AT_WORK_S))
        before = deployed.marks()
        sleeper.pause()
        theirs = [
            (stream.venue, stream.symbol)
            for stream, holder in deployed.log.holders().items()
            if holder == self.holders[sleeper]
        ]
        eventually(lambda: all(self._relieved(market, before) for market in theirs), PATIENCE_S)
        self.holders[other] = next(iter(deployed.log.holders().values()))
        time.sleep(random.uniform(0, AT_WORK_S))
        lost = deployed.said(sleeper, "worker.lost")
        sleeper.resume()
        eventually(lambda: deployed.said(sleeper, "worker.lost") >= lost + len(theirs), PATIENCE_S)
        self.taken += len(theirs)

    def _relieved(self, market: tuple[str, str], before: dict[tuple[str, str], Any]) -> bool:
        """Whether another worker has saved more than the fence that it begins with."""
        now, then = self.deployed.marks()[market], before[market]
        return now["fence"] > then["fence"] and now["saves"] > then["saves"] + 2


def reasons(folder: Path) -> Counter[str]:
    """Count why workers have let a market go."""
    lines = [line for path in folder.glob("*.out") for line in path.read_text().splitlines()]
    lost = [line for line in lines if '"event": "worker.lost"' in line]
    return Counter(_REASON.search(line)[1] for line in lost)


@pytest.mark.parametrize("rounds", [3, pytest.param(20, marks=pytest.mark.long)])
@pytest.mark.parametrize("seed", [20240809])
def test_a_paused_worker_that_wakes_up_stores_nothing_more(deployment, tmp_path, seed, rounds):
    random = Random(seed)  # noqa: S311  a seed must repeat
    with (
        markets(VENUES, seed) as venues,
        Deployed(tmp_path, deployment, venues) as deployed,
        fences_only_grow(deployed.database),
    ):
        deployed.look()
        pair = [deployed.worker, deployed.program("process", "second")]
        deployed.launch(deployed.collector, deployed.worker)
        deployed.await_all_markets()
        workers = Pair(deployed)
        workers.holders[deployed.worker] = next(iter(deployed.log.holders().values()))
        deployed.launch(pair[1])
        for _ in range(rounds):
            workers.sleep(*pair, random)
            deployed.look()
            pair.reverse()
        deployed.finish(*pair)
        compared = judge(deployed, deployment)
    assert workers.taken >= rounds
    sys.stdout.write(f"{rounds} pauses, {workers.taken} markets, {compared}\n")
    sys.stdout.write(f"{reasons(tmp_path)}\n")
