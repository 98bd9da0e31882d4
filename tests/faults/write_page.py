"""Runs every case and writes docs/faults.md; where one fails nothing is written."""

import asyncio
import sys

import structlog
from fault_page import PAGE, PAIRS, page
from fault_runs import run_all

from cloud_marketdata.core.clock import SystemClock


def main() -> None:
    """Run, and write."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    outcomes = asyncio.run(run_all(PAIRS, SystemClock()))
    failed = [
        f"{fault} at {venue}: {o.failure}" for (fault, venue), o in outcomes.items() if o.failure
    ]
    if failed:
        sys.exit("\n".join(failed))
    PAGE.write_text(page(outcomes))


if __name__ == "__main__":
    main()
