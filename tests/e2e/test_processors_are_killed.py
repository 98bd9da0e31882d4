"""Three processors over real Redis, MongoDB and S3, of which any is killed at any moment.

Each market is worked on by one of them, nothing is lost and nothing counted twice, what a dead one
had goes on soon at the others, and no command of any process would have gone to a second shard.
"""

import time
from random import Random
from typing import Final

import pytest
from deployed import PATIENCE_S, Deployed
from processes import ask, eventually
from profiled import led_astray, profile
from venues import markets
from verdict import judge

from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.domain.values import Venue
from servers.program import Program

VENUES: Final = (Venue.BINANCE_SPOT, Venue.BINANCE_USDM, Venue.BYBIT_LINEAR)
_EVERY: Final = {
    ("find", "markets"),
    ("update", "markets"),
    ("find", "aggregates"),
    ("update", "aggregates"),
    ("find", "coverage"),
    ("update", "coverage"),
    ("find", "instruments"),
    ("find", "flow_subjects"),
    ("update", "flow_subjects"),
}
"""Some of what such a run must have asked, or the profiler was not heard."""


def kill(deployed: Deployed, workers: list[Program], random: Random) -> float:
    """Kill one, and return the seconds until every market is worked on again; start it anew."""
    clock = SystemClock()
    victim = random.choice(workers)
    victim.kill()
    before, began = deployed.marks(), clock.monotonic()
    eventually(lambda: _all_saved_since(deployed, before), PATIENCE_S)
    seconds = clock.monotonic() - began
    deployed.launch(victim)
    return seconds


def _all_saved_since(deployed: Deployed, before: dict) -> bool:
    now = deployed.marks()
    return all(now[market]["position"] > marks["position"] for market, marks in before.items())


@pytest.mark.parametrize("rounds", [4, pytest.param(60, marks=pytest.mark.long)])
def test_three_processors_lose_nothing_whoever_is_killed(
    deployment, tmp_path, record_property, rounds
):
    random = Random(20240810)  # noqa: S311  a seed must repeat
    profile(deployment["mongodb_url"], deployment["mongodb_database"])
    with (
        markets(VENUES, 20240810) as venues,
        Deployed(tmp_path, deployment, venues, MARKETDATA_TIERING_EVERY_S="1") as deployed,
    ):
        deployed.look()
        more = [deployed.program("process", name) for name in ("second", "third")]
        workers = [deployed.worker, *more]
        deployed.launch(deployed.collector, *workers)
        deployed.await_all_markets()
        taken = []
        for _ in range(rounds):
            time.sleep(random.uniform(0, 2))
            taken.append(kill(deployed, workers, random))
            deployed.look()
        server = deployed.program("serve", "server")
        deployed.launch(server)
        url = eventually(lambda: deployed._url(server), PATIENCE_S)
        ask(url, "/v1/markets")
        for venue in VENUES:
            for page in ("candles", "coverage", "order-flow", "anomalies", "volume-profile"):
                ask(url, f"/v1/markets/{venue}/BTCUSDT/{page}")
        server.stop(PATIENCE_S)
        deployed.finish(*workers)
        compared = judge(deployed, deployment)
        kinds, wrong = led_astray(deployed.database)
    assert wrong == []
    assert kinds >= _EVERY
    assert compared.buckets > 10 * rounds
    record_property(
        "told", f"{rounds} kills, moved in {sorted(round(s, 1) for s in taken)} s, {compared}"
    )
