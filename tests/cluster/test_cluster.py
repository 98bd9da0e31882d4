"""Members of a deployment that are killed, asleep or restarted: nobody who reads it notices."""

import sys

import pytest
from cluster_members import ROLES
from cluster_page import page
from cluster_runs import Outcome, killed, restarted
from outage_servers import servers

SEED = 1


@pytest.fixture
def engines(redis_cluster, mongodb_three, s3_server):
    """A cluster, a set of three, and an S3, whatever the test before has done to them."""
    for each in (redis_cluster, mongodb_three, s3_server):
        each.start()
    redis_cluster.empty()
    return servers(redis_cluster, mongodb_three, s3_server)


def assert_unnoticed(outcome: Outcome) -> None:
    sys.stdout.write(page([outcome], SEED))
    assert outcome.verdict.compared.trades > 1000
    assert outcome.verdict.compared.told_lost == 0
    assert outcome.verdict.heard > 1000
    assert outcome.unanswered == []
    assert {effect.blow.role for effect in outcome.effects} == ROLES.keys()


@pytest.mark.parametrize("seconds", [30, pytest.param(300, marks=pytest.mark.long)])
def test_whoever_is_killed_nothing_is_lost_or_double(engines, tmp_path, seconds):
    assert_unnoticed(killed(tmp_path, engines, SEED, seconds))


@pytest.mark.long
def test_a_rolling_restart_leaves_no_gap(engines, tmp_path):
    outcome = restarted(tmp_path, engines, SEED)
    assert_unnoticed(outcome)
    assert outcome.verdict.feared == 0
    # Each replica was away in turn.
    assert outcome.hops > 1
