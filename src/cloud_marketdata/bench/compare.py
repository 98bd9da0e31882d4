"""Limit and ingest in turns, one process each, so that both meet the same noise of the machine.

Absolute rates of a shared machine say little; the ratio of two neighbours in one round does.
"""

import subprocess
import sys
from fractions import Fraction
from statistics import median_low
from typing import Final

import msgspec

from cloud_marketdata.bench.meter import Cost
from cloud_marketdata.core.errors import VenueError

SUBJECTS: Final = ("limit", "ingest")


class Comparison(msgspec.Struct, frozen=True):
    """Every round's costs, their medians, and ingest / limit in trades per CPU second."""

    rounds: dict[str, list[Cost]]
    median: dict[str, Cost]
    ratios: list[str]
    ratio: str


def compare(rounds: int, count: int) -> Comparison:
    """Measure; raises VenueError where a child fails."""
    found: dict[str, list[Cost]] = {subject: [] for subject in SUBJECTS}
    for _ in range(rounds):
        for subject in SUBJECTS:
            found[subject].append(_child(subject, count))
    ratios = [
        Fraction(path.trades_per_cpu_s, max(bare.trades_per_cpu_s, 1))
        for bare, path in zip(*found.values(), strict=True)
    ]
    return Comparison(
        rounds=found,
        median={subject: _middle(costs) for subject, costs in found.items()},
        ratios=[_two_places(ratio) for ratio in ratios],
        ratio=_two_places(median_low(ratios)),
    )


def table(comparison: Comparison) -> str:
    """Write the comparison for people."""
    lines = [
        f"{subject:8}{cost.trades_per_cpu_s:>12,} trades/cpu-s{cost.trades_per_s:>12,} trades/s"
        f"{cost.rss_mb:>6} MB"
        for subject, cost in comparison.median.items()
    ]
    lines.append(
        f"ingest / limit: {comparison.ratio} "
        f"({min(comparison.ratios)}..{max(comparison.ratios)}, n={len(comparison.ratios)})"
    )
    return "\n".join(lines)


def _child(subject: str, count: int) -> Cost:
    command = ("-m", "cloud_marketdata", "bench", subject, "--count", str(count))
    child = subprocess.run(  # noqa: S603  our own command with a number
        (sys.executable, *command), stdout=subprocess.PIPE, check=False
    )
    if child.returncode:
        msg = f"bench {subject} ended with {child.returncode}; its complaint stands above"
        raise VenueError(msg)
    return msgspec.json.decode(child.stdout, type=Cost)


def _middle(costs: list[Cost]) -> Cost:
    """Return the round whose rate per CPU second is the median."""
    return sorted(costs, key=lambda cost: cost.trades_per_cpu_s)[(len(costs) - 1) // 2]


def _two_places(ratio: Fraction) -> str:
    hundredths = round(ratio * 100)
    return f"{hundredths // 100}.{hundredths % 100:02}"
