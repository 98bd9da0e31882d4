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
    """Two workers that share the markets, of whom one sleeps now and then.

    name: by which the first one holds its leases; whatever it does not hold is the second one's.
    """

    def __init__(self, deployed: Deployed, second: Program) -> None:
        self.deployed = deployed
        self.second = second
        self.taken = 0
        self._name = next(iter(deployed.log.holders().values()))

    def sleep(self, random: Random) -> None:
        """Pause who has more to do until the other works in its place, and let it go on."""
        deployed = self.deployed
        deployed.await_work(deployed.worker)
        time.sleep(random.uniform(0, AT_WORK_S))
        before = deployed.marks()
        sleeper = max((deployed.worker, self.second), key=lambda one: len(self._markets(one)))
        sleeper.pause()
        theirs = self._markets(sleeper)
        eventually(lambda: all(self._relieved(market, before) for market in theirs), PATIENCE_S)
        time.sleep(random.uniform(0, AT_WORK_S))
        lost = deployed.said(sleeper, "worker.lost")
        sleeper.resume()
        eventually(lambda: deployed.said(sleeper, "worker.lost") >= lost + len(theirs), PATIENCE_S)
        self.taken += len(theirs)

    def _markets(self, worker: Program) -> list[tuple[str, str]]:
        mine = worker is self.deployed.worker
        return [
            (stream.venue, stream.symbol)
            for stream, holder in self.deployed.log.holders().items()
            if (holder == self._name) is mine
        ]

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
        second = deployed.program("process", "second")
        deployed.launch(deployed.collector, deployed.worker)
        deployed.await_all_markets()
        workers = Pair(deployed, second)
        deployed.launch(second)
        for _ in range(rounds):
            workers.sleep(random)
            deployed.look()
        deployed.finish(deployed.worker, second)
        compared = judge(deployed, deployment)
    assert workers.taken >= rounds
    sys.stdout.write(f"{rounds} pauses, {workers.taken} markets, {compared}\n")
    sys.stdout.write(f"{reasons(tmp_path)}\n")
