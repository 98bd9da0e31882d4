"""Runs every case at its full length and writes docs/outages.md; where one fails nothing is."""

import sys
import tempfile
from pathlib import Path

_TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(_TESTS), str(_TESTS / "e2e")]

from outage_cases import PLANS, Plan  # noqa: E402  found by the path above
from outage_page import PAGE, page  # noqa: E402
from outage_runs import Outcome, run  # noqa: E402
from outage_servers import serving  # noqa: E402
from verdict import Compared  # noqa: E402


def measured(plan: Plan) -> tuple[list[Outcome], Compared]:
    """Run a plan over servers of its own."""
    with tempfile.TemporaryDirectory(prefix="outages-") as name:
        folder = Path(name)
        with serving(plan.engines, folder / "servers") as found:
            return run(plan, found, folder)


if __name__ == "__main__":
    PAGE.write_text(page({plan.name: measured(plan) for plan in PLANS}))
