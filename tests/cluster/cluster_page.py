"""docs/cluster.md, written from what one run of both proofs has measured."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import Final

from cluster_members import LEASE_S, ROLES
from cluster_runs import Effect, Outcome
from cluster_stage import SYMBOLS

PAGE: Final = Path(__file__).parents[2] / "docs" / "cluster.md"
_COLUMNS: Final = ("event", "member", "times", "log p50", "log max", "stored p50", "stored max")
_OPENING: Final = """\
# Several members, and what becomes of the market when one is gone

<!-- `make cluster` writes this page; `make test` runs the same proofs with less time. -->

{members}, each a process with a data folder of its own, over a Redis Cluster of six nodes
(`redis_replicas=1`), a MongoDB set of three and an S3. They collect {symbols} of all four
venues from simulators on the same machine, in real time, with `collect_copies=2` and
`lease_s={lease:.0f}`.

* **log** and **stored**: seconds in which at least one market stood still, in the log and in the
  stored aggregates, around such an event; that is the time to rebalance. Markets that nobody
  disturbs are quiet for up to half a second by themselves.
* Where a trade is lost without being told, or double, a bucket or a minute wrong, an answer of one
  replica not that of the other, or a frame of the stream missing or repeated, there is no page.

Measured on two cores that carry venues, servers and members together.
"""


def page(outcomes: Sequence[Outcome], seed: int) -> str:
    """Return the whole page; without outcomes it has no figures."""
    members = ", ".join(f"{count} of `--role {role}`" for role, count in ROLES.items())
    parts = [_OPENING.format(members=members, symbols=", ".join(SYMBOLS), lease=LEASE_S)]
    for outcome in outcomes:
        parts += [f"## {outcome.words[0].upper()}{outcome.words[1:]}", ""]
        parts += [*_told(outcome, seed), ""]
        parts += [_row(_COLUMNS), _row(["---"] * len(_COLUMNS)), *_rows(outcome.effects), ""]
    return "\n".join(parts)


def _told(seen: Outcome, seed: int) -> list[str]:
    compared, verdict = seen.verdict.compared, seen.verdict
    lost = f"{compared.told_lost} lost and told" if compared.told_lost else "0 lost"
    events = f"{len(seen.effects)} events in {seen.seconds:.0f} s with seed {seed}"
    buckets = f"{compared.buckets} stored buckets are what brute force makes of the log"
    listener = f"A listener heard {verdict.heard} trades, each once and in order"
    asked = f"{seen.asked} questions were asked all the while, {seen.turned} of them twice"
    return [
        f"{events}; {seen.trades_per_s:.0f} trades/s.",
        "",
        f"* {compared.trades} trades of the venues are in the log: {lost}, 0 double.",
        f"* {buckets}; {verdict.minutes} minutes are the venues' own klines.",
        f"* {verdict.answers} answers were the same bytes from either replica.",
        f"* {listener}; it went {seen.hops} times from one replica to the other.",
        f"* {asked}; {len(seen.unanswered)} were answered by neither replica.",
        f"* In {verdict.feared} stretches of the ledgers a loss must be feared.",
    ]


def _rows(effects: Iterable[Effect]) -> list[str]:
    groups: dict[tuple[str, str], list[Effect]] = {}
    for effect in effects:
        groups.setdefault((effect.blow.how, effect.blow.role), []).append(effect)
    rows = []
    for (how, role), found in sorted(groups.items()):
        logged = [effect.logged.still_s for effect in found]
        saved = [effect.saved.still_s for effect in found]
        cells = [
            f"{figure:.1f}" for part in (logged, saved) for figure in (median(part), max(part))
        ]
        rows.append(_row([how, role, str(len(found)), *cells]))
    return rows


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
