"""kill -9 of collector, worker or both over real Redis, MongoDB and S3, at random moments.

In the end the log holds every trade that the venues have made, once, and every stored bucket is
what brute force makes of that log.
"""

import sys
import time
from random import Random
from typing import Final

import pytest
from deployed import Deployed
from venues import markets
from verdict import judge

from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.domain.values import Venue
from servers.program import Program

VENUES: Final = (Venue.BINANCE_SPOT, Venue.BINANCE_USDM, Venue.BYBIT_LINEAR)
AT_WORK_S: Final = 0.6
STARTING_S: Final = 4.0


def victims(deployed: Deployed, random: Random) -> tuple[Program, ...]:
    """Choose who is killed, and in which order."""
    both = random.sample((deployed.collector, deployed.worker), 2)
    return random.choice((*((one,) for one in both), tuple(both)))


def kill(deployed: Deployed, random: Random, rounds: int) -> None:
    """Kill and start again; every other one as likely while it starts as when it works."""
    chosen: tuple[Program, ...] = ()
    for number in range(rounds):
        if number % 2:
            time.sleep(random.uniform(0, STARTING_S))
        else:
            deployed.await_work(*chosen)
            time.sleep(random.uniform(0, AT_WORK_S))
        chosen = victims(deployed, random)
        for program in chosen:
            program.kill()
        deployed.look()
        deployed.launch(*chosen)
    deployed.await_work(*chosen)


@pytest.mark.parametrize("rounds", [4, pytest.param(200, marks=pytest.mark.long)])
@pytest.mark.parametrize("seed", [20240808])
def test_nothing_is_lost_or_double_whoever_is_killed(deployment, tmp_path, seed, rounds):
    random = Random(seed)  # noqa: S311  a seed must repeat
    began = SystemClock().monotonic()
    with (
        markets(VENUES, seed) as venues,
        Deployed(tmp_path, deployment, venues) as deployed,
    ):
        deployed.look()
        deployed.launch(deployed.collector, deployed.worker)
        deployed.await_all_markets()
        kill(deployed, random, rounds)
        deployed.finish()
        compared = judge(deployed, deployment)
        assert compared.buckets > 3 * rounds
        seconds = SystemClock().monotonic() - began
        sys.stdout.write(
            f"{rounds} kills, {dict(deployed.launches)} launches, {compared}, {seconds:.0f} s\n"
        )
