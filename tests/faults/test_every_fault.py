"""Every fault of the simulator's language against the running service."""

import asyncio
from collections import Counter

import pytest
from fault_page import PAGE, PAIRS, page, unmeasured
from fault_runs import Outcomes, run_all

from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.simulator.faults.grammar import KINDS
from cloud_marketdata.simulator.faults.language import parse


@pytest.fixture(scope="module")
def outcomes(request: pytest.FixtureRequest) -> Outcomes:
    """Run the chosen cases."""
    calls = [getattr(item, "callspec", None) for item in request.session.items]
    chosen = [call.params["pair"] for call in calls if call and "pair" in call.params]
    return asyncio.run(run_all(chosen, SystemClock()))


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair[0].fault} at {pair[1]}")
def test_a_fault_is_found_told_and_recovered_from(pair, outcomes, record_property):
    case, venue = pair
    outcome = outcomes[case.fault, venue]
    if outcome.beside:
        record_property(
            "told", f"late beside others, tried alone: {outcome.beside.splitlines()[0]}"
        )
    assert outcome.failure == ""


def test_every_kind_of_fault_has_a_case():
    struck = {fault.kind for case, _ in PAIRS for fault in parse(case.fault)}
    # A limit is kept by us, and so has no strike; tests/unit/collectors/test_budgets.py proves it.
    # A kline is told wrong of a minute that has passed; tests/e2e/test_reconciliation.py sees it.
    assert struck == set(KINDS) - {"limit", "falsify"}


def test_a_fault_has_one_case_a_venue():
    many = Counter((case.fault, venue) for case, venue in PAIRS)
    assert max(many.values()) == 1


def test_the_page_says_exactly_what_the_cases_look_for():
    assert unmeasured(PAGE.read_text()) == unmeasured(page({}))
