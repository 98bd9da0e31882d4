"""docs/outages.md, written from the cases and from what one run of them measured."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from outage_cases import PLANS, Case, Plan
from outage_runs import Outcome
from outage_stage import SPEEDS
from verdict import Compared

PAGE: Final = Path(__file__).parents[2] / "docs" / "outages.md"
Measured = Mapping[str, tuple[Sequence[Outcome], Compared]]
_HOW: Final = {
    "stop": "SIGTERM",
    "kill": "SIGKILL",
    "pause": "SIGSTOP",
    "failover": "SIGKILL of one node, which stays away",
    "one": "SIGKILL of one node",
}
_COLUMNS: Final = (
    "outage",
    "s away",
    "trades/s",
    "journal",
    "log entries behind",
    "drained",
    "caught up",
    "healthy",
    "lost",
)
_OPENING: Final = """\
# Servers that go away, and what becomes of it

<!-- `make chaos` writes this page; `make test` runs the same cases with outages of seconds. -->

The service as processes over real Redis, MongoDB and S3, collecting from simulators of {venues}, in
real time. The servers are taken away under this load and come back. The cases of a deployment
follow each other without a restart.

* **journal**: the largest size of the journal's files. **log entries behind**: what was in the log
  and not in the aggregates when the servers answered again.
* **drained**, **caught up**, **healthy**: seconds from the moment the servers answered again, until
  the journal was empty, until trades that came after that were in stored aggregates of both
  markets, and until the last answer of `/health` that was not `healthy`. The archive tells that it
  lags until its next round, at most `tiering_every_s` (60 s) later. Where a node stays away,
  healthy counts from the kill.
* **lost**: trades that the venue made and the log has not, by the venue's own REST, after which
  every stored bucket was held against brute force over the log. Where one is lost or wrong, there
  is no page.

Measured on two cores that other work kept busy, each deployment in a run of its own.
"""


def page(measured: Measured) -> str:
    """Return the whole page; a plan that was not measured has rows without figures."""
    parts = [_OPENING.format(venues=" and ".join(SPEEDS))]
    for plan in PLANS:
        parts += _section(plan, *measured.get(plan.name, ((), Compared())))
    return "\n".join(parts)


def unmeasured(text: str) -> str:
    """Return the lines of the page that say what is done, without any figure."""
    lines = [line for line in text.splitlines() if not line.startswith("* ")]
    said = [line.split(" | ")[0] if line.startswith("| ") else line for line in lines]
    return "\n".join(line for line in said if line and not line.startswith("Compared"))


def _section(plan: Plan, outcomes: Sequence[Outcome], compared: Compared) -> list[str]:
    by_words = {outcome.words: outcome for outcome in outcomes}
    rows = [_row(_cells(case, by_words.get(case.words), compared)) for case in plan.cases]
    table = [_row(_COLUMNS), _row(["---"] * len(_COLUMNS)), *rows]
    parts = [f"## {plan.words[0].upper()}{plan.words[1:]}", ""]
    parts += [*table, ""]
    for outcome in outcomes:
        parts += [*_story(outcome), ""]
    if outcomes:
        told = f", {compared.told_lost} told as unknown" if compared.told_lost else ""
        parts += [
            f"Compared: {compared.trades} trades{told}, {compared.buckets} buckets; all right.",
            "",
        ]
    return parts


def _cells(case: Case, seen: Outcome | None, compared: Compared) -> list[str]:
    name = f"{case.words} ({_HOW[case.how]})"
    if seen is None:
        return [name, *[""] * (len(_COLUMNS) - 1)]
    over = case.how == "failover"
    return [
        name,
        f"{seen.away_s:.0f}",
        f"{seen.rate:.0f}",
        f"{seen.journal / 1024:.0f} KiB",
        "" if over else str(seen.behind),
        "" if over else f"{seen.drained_s:.1f}",
        "" if over else f"{seen.caught_up_s:.1f}",
        f"{seen.healthy_s:.1f}",
        f"0 silently, {compared.told_lost} told" if compared.told_lost else "0",
    ]


def _story(seen: Outcome) -> list[str]:
    answers: dict[str, list[str]] = {}
    for question, words in seen.answers.items():
        answers.setdefault(" or ".join(words) or "not asked in time", []).append(question)
    said = "; ".join(f"{', '.join(questions)}: {words}" for words, questions in answers.items())
    return [
        f"* {seen.words}: `/health` said, first at: {'; '.join(seen.health)}.",
        f"* {seen.words}: meanwhile REST answered {said}; at most after {seen.slowest_s:.1f} s.",
    ]


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
