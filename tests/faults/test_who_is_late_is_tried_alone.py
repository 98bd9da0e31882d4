"""A case that was late beside others is tried again alone; one that was wrong is not."""

import asyncio

import fault_runs
from fault_cases import COMPLETE, LINEAR, SPOT, Case
from fault_runs import Outcome, run_all
from fault_signs import StaysSynced, book
from fault_stage import Stage

from cloud_marketdata.core.clock import SystemClock


class OnceMore:
    """A sign that is not seen in the first trial at a venue."""

    words = "a second trial"

    def __init__(self) -> None:
        self.stages: list[Stage] = []

    async def seen(self, stage: Stage) -> bool:
        """See Sign."""
        if stage not in self.stages:
            self.stages.append(stage)
        return [one.venue for one in self.stages].count(stage.venue) > 1


class Wrong(OnceMore):
    """A sign that proves the service wrong, in the first trial only."""

    words = "something wrong"

    async def seen(self, stage: Stage) -> bool:
        """See Sign."""
        assert await super().seen(stage), "a trade is in the log twice"
        return True


def case(fault: str, sign: OnceMore) -> Case:
    return Case(fault, (), sign, (StaysSynced(),), (book(COMPLETE),), (), ())


def tried(*pairs: fault_runs.Pair) -> list[Outcome]:
    found = asyncio.run(run_all(pairs, SystemClock()))
    return [found[one.fault, venue] for one, venue in pairs]


def test_who_was_late_is_tried_alone_and_who_was_wrong_is_not():
    late, wrong = OnceMore(), Wrong()

    again, once = tried(
        (case("duplicate depth at=10", late), SPOT),
        (case("duplicate depth at=11", wrong), LINEAR),
    )

    assert (again.failure, once.beside) == ("", "")
    assert again.beside.startswith("NotSeenError: not seen within 1.0 s: a second trial")
    assert once.failure.startswith("AssertionError: a trade is in the log twice")
    assert (len(late.stages), len(wrong.stages)) == (2, 1)


def test_where_too_many_are_late_they_are_late(monkeypatch):
    monkeypatch.setattr(fault_runs, "_ALONE_AT_MOST", 1)
    signs = OnceMore(), OnceMore()
    pairs = [case(f"duplicate depth at={at}", sign) for at, sign in enumerate(signs, 10)]

    outcomes = tried((pairs[0], SPOT), (pairs[1], LINEAR))

    assert all("not seen within" in outcome.failure for outcome in outcomes)
    assert [len(sign.stages) for sign in signs] == [1, 1]


def test_a_trial_in_which_anything_was_wrong_is_not_only_late():
    late, wrong = fault_runs.NotSeenError("late"), ValueError("wrong")

    assert fault_runs.failed(ExceptionGroup("", [late])).late
    assert not fault_runs.failed(ExceptionGroup("", [late, ExceptionGroup("", [wrong])])).late
