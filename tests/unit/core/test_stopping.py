"""Laws of a stop with an end: it names what is left, and ends the process when time is up."""

import threading

import pytest
import structlog
from structlog.testing import capture_logs

from cloud_marketdata.core.stopping import OVERDUE, STEPS, Stopping


class Ended(list[int]):
    """Exit codes by which a process would have ended."""

    def __init__(self) -> None:
        super().__init__()
        self.heard = threading.Event()

    def __call__(self, code: int) -> None:
        """End with a code."""
        self.append(code)
        self.heard.set()


@pytest.mark.parametrize("step", STEPS)
def test_what_is_left_begins_with_the_step_that_was_reached(step):
    stopping = Stopping(60)
    stopping.reached(step)

    assert stopping.left[0] == step
    assert stopping.left == list(STEPS[len(STEPS) - len(stopping.left) :])


def test_a_stop_that_takes_too_long_ends_the_process_and_says_what_is_left():
    ended = Ended()
    stopping = Stopping(0.01, ended)
    with capture_logs() as logs:
        stopping.begin()
        stopping.reached("log")
        assert ended.heard.wait(10)

    assert ended == [OVERDUE]
    told = {"event": "service.stop_overdue", "log_level": "error", "after_s": 0.01}
    left = ["log", "aggregates", "audit", "stores"]
    assert logs in ([told | {"not_done": left}], [told | {"not_done": list(STEPS)}])


def test_a_second_signal_ends_the_process_with_its_number():
    ended = Ended()
    stopping = Stopping(60, ended)
    with capture_logs() as logs:
        stopping.reached("aggregates")
        stopping.force(15)

    assert ended == [143]
    assert logs[0]["not_done"] == ["aggregates", "audit", "stores"]


def test_no_time_runs_before_a_stop_begins():
    ended = Ended()
    stopping = Stopping(0.001, ended)

    assert not stopping.leaving
    assert not ended.heard.wait(0.05)


def test_a_process_that_has_ended_by_itself_is_not_held_up():
    stopping = Stopping(0.01, Ended())
    structlog.reset_defaults()

    assert stopping._timer.daemon
