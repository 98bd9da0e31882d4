"""Runs both proofs for as long as asked and writes docs/cluster.md; where one fails nothing is.

Arguments: seconds of killing, and a seed.
"""

import sys
import tempfile
from pathlib import Path

_TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(_TESTS), str(_TESTS / "e2e"), str(_TESTS / "outages")]

from cluster_page import PAGE, page  # noqa: E402  found by the path above
from cluster_runs import Outcome, killed, restarted  # noqa: E402
from outage_servers import serving  # noqa: E402


def measured(seed: int, seconds: float) -> list[Outcome]:
    """Run both, each over servers of its own."""
    outcomes = []
    for proof in (
        lambda folder, found: killed(folder, found, seed, seconds),
        lambda folder, found: restarted(folder, found, seed),
    ):
        with tempfile.TemporaryDirectory(prefix="cluster-") as name:
            folder = Path(name)
            with serving("replicated", folder / "servers") as found:
                outcomes.append(proof(folder, found))
    return outcomes


if __name__ == "__main__":
    chosen = int(sys.argv[2])
    PAGE.write_text(page(measured(chosen, float(sys.argv[1])), chosen))
