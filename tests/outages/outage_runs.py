"""Runs the cases of a plan one after the other, and then holds everything against the truth."""

import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from deployed import PATIENCE_S
from outage_cases import Case, Plan
from outage_servers import Servers
from outage_stage import Stage, staged
from outage_watch import Beat
from verdict import Compared, judge

from servers.program import until

_LOOK_S: Final = 2.0
"""Bybit tells its last thousand trades only, so its tape is looked at often enough."""


class Outcome(NamedTuple):
    """What was seen of an outage; seconds are from its beginning, or from the servers' return.

    health: what /health said, each with the second in which it first said so. answers: what each
    question was answered with while the servers were away. journal: its largest size in bytes.
    entries: how many entries it held at most, where the process told. behind: log entries that were
    not folded when the servers came back. slowest_s: the longest time that an answer took.
    """

    words: str
    away_s: float
    rate: float
    health: list[str]
    answers: dict[str, list[str]]
    slowest_s: float
    journal: int
    entries: int
    behind: int
    drained_s: float
    caught_up_s: float
    healthy_s: float


def run(
    plan: Plan, servers: Servers, folder: Path, seconds: float | None = None, **more: str
) -> tuple[list[Outcome], Compared]:
    """Run every case of a plan, each for `seconds` or for as long as the case says.

    Returns what was seen of each, and how much was compared in the end without finding a loss.
    """
    with staged(folder, servers, apart=plan.apart, **plan.settings, **more) as stage:
        outcomes = [_outage(stage, case, seconds or case.seconds) for case in plan.cases]
        stage.finish()
        return outcomes, judge(stage, servers.places)


def _outage(stage: Stage, case: Case, seconds: float) -> Outcome:
    clock = stage.watch.clock
    before, began = stage.made(), clock.monotonic()
    stage.servers.take(case)
    if case.cuts:
        stage.fault("cut every=5s")
    journal = _sit_out(stage, began + seconds)
    rate = (stage.made() - before) / (clock.monotonic() - began)
    if case.cuts:
        stage.fault("")
    if case.how != "failover":
        stage.servers.give(case)
    back = began if case.how == "failover" else clock.monotonic()
    journal = max(journal, stage.journalled)
    behind = 0 if case.how == "failover" else until(stage.behind, PATIENCE_S)
    stage.wait_for(lambda: not stage.journalled)
    drained = clock.monotonic()
    stage.await_fresh()
    caught_up = clock.monotonic()
    stage.wait_for(stage.well)
    beats = stage.watch.between(began, clock.monotonic())
    stage.servers.give(case)
    stage.look()
    gone = case.how == "failover"
    return Outcome(
        case.words,
        away_s=round(back - began if not gone else seconds, 1),
        rate=round(rate, 1),
        health=_told(beats, began),
        answers=_words(stage, began, began + seconds),
        slowest_s=round(stage.watch.slowest(began, began + seconds), 1),
        journal=journal,
        entries=max((beat.entries for beat in beats), default=0),
        behind=behind,
        drained_s=0.0 if gone else round(drained - back, 1),
        caught_up_s=0.0 if gone else round(caught_up - back, 1),
        healthy_s=round(_last_bad(beats, back), 1),
    )


def _sit_out(stage: Stage, end: float) -> int:
    """Look at the venues until `end`; return the largest size of the journal."""
    largest = 0
    while (left := end - stage.watch.clock.monotonic()) > 0:
        time.sleep(min(_LOOK_S, left))
        stage.made()
        largest = max(largest, stage.journalled)
    return largest


def _told(beats: Iterable[Beat], began: float) -> list[str]:
    """Return the different things that /health said, with the second of their first time."""
    said: dict[str, float] = {}
    for beat in beats:
        words = f"{beat.code} {beat.status}" + (f" ({', '.join(beat.bad)})" if beat.bad else "")
        said.setdefault(words, beat.asked - began)
    return [f"{at:.1f} s: {words}" for words, at in said.items()]


def _last_bad(beats: Sequence[Beat], back: float) -> float:
    """Return how long after `back` /health was last not healthy."""
    return max(
        (b.asked - back for b in beats if b.status != "healthy" and b.asked > back), default=0.0
    )


def _words(stage: Stage, begin: float, end: float) -> dict[str, list[str]]:
    found = stage.watch.answered(begin, end)
    return {question: sorted(words) for question, words in found.items()}
