"""Servers go and come back under a service at work; nothing is lost, and health names the tier."""

import pytest
from outage_cases import APART, REPLICATED, TOGETHER
from outage_page import PAGE, page, unmeasured
from outage_runs import run
from outage_servers import servers

_SHORT_S = 3.0
# So that a short outage is seen as one, and the archive does not wait for a minute to be well.
_IMPATIENT = {"MARKETDATA_STORE_TIMEOUT_S": "1", "MARKETDATA_TIERING_EVERY_S": "1"}


@pytest.fixture
def single(redis_server, redis_url, mongodb_server, s3_server):
    """One server a tier, whatever the test before has done to it."""
    mongodb_server.start()
    s3_server.start()
    found = servers(redis_server, mongodb_server, s3_server)
    return found._replace(places={**found.places, "redis_url": redis_url})


@pytest.fixture
def replicated(redis_cluster, mongodb_three, s3_server):
    """A cluster, a set of three, and an S3, whatever the test before has done to them."""
    for each in (redis_cluster, mongodb_three, s3_server):
        each.start()
    redis_cluster.empty()
    return servers(redis_cluster, mongodb_three, s3_server)


def assert_told(outcomes, cases):
    for outcome, case in zip(outcomes, cases, strict=True):
        said = " ".join(outcome.health)
        if case.how in {"stop", "kill", "pause"}:
            for tier in case.tiers:
                assert f"{tier} unavailable" in said or f"{tier} no answer" in said, (case, said)
        # Without the hot or the warm tier a service is unhealthy, without the cold one it is not.
        if case.how in {"stop", "kill"}:
            assert ("503" in said) == (case.tiers != ("s3",)), (case, said)
        if "redis" in case.tiers and case.how in {"stop", "kill", "one"}:
            assert outcome.journal > 0
        assert "no answer" not in str(outcome.answers), (case, outcome.answers)


@pytest.mark.parametrize(
    "plan",
    [TOGETHER, pytest.param(APART, marks=pytest.mark.long)],
    ids=lambda plan: plan.name,
)
def test_nothing_is_lost_while_a_server_is_away(plan, single, tmp_path):
    outcomes, compared = run(plan, single, tmp_path, _SHORT_S, **_IMPATIENT)
    assert_told(outcomes, plan.cases)
    assert compared.trades > 0
    assert compared.told_lost == 0


def test_nothing_is_lost_when_another_node_takes_over(replicated, tmp_path):
    outcomes, compared = run(REPLICATED, replicated, tmp_path, _SHORT_S, **_IMPATIENT)
    assert_told(outcomes, REPLICATED.cases)
    assert compared.trades > 0
    assert compared.told_lost == 0


def test_the_page_tells_of_every_case():
    assert unmeasured(PAGE.read_text()) == unmeasured(page({}))
