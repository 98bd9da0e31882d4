"""`marketdata bench soak`: the short form runs to its end, counts what happened, and can fail."""

import subprocess
import sys

import msgspec
import pytest

COMMAND = (sys.executable, "-m", "cloud_marketdata", "bench", "soak")


def soak(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (*COMMAND, *map(str, arguments)), capture_output=True, text=True, timeout=180, check=False
    )


def test_a_short_soak_lives_through_its_cuts_and_repairs_what_they_cost():
    done = soak("--seconds", 16, "--warm-up", 4, "--speed", 20, "--most-mb-per-hour", 100_000)
    assert done.returncode == 0, done.stderr
    found = msgspec.json.decode(done.stdout)
    assert found["trades"] > 1_000
    # Each of four venues loses a connection every four seconds.
    assert found["reconnects"] >= 6
    assert found["backfilled"] > 0
    # Only what the simulator broke is refused: one frame in two thousand.
    assert found["rejected"] * 100 < found["trades"]
    memory = found["memory"]
    assert 6 <= memory["samples"] <= 12
    assert 30 < memory["begin_mb"] <= memory["peak_mb"]
    assert memory["first_third_mb"] <= memory["peak_mb"] < 500


@pytest.mark.long
def test_memory_that_grows_faster_than_allowed_is_exit_1():
    done = soak("--seconds", 14, "--warm-up", 0, "--speed", 20, "--most-mb-per-hour", 0)
    assert done.returncode == 1
    assert msgspec.json.decode(done.stdout)["memory"]["slope_mb_per_hour"] > 0


@pytest.mark.parametrize("told", [("--seconds", 10, "--warm-up", 9), ("--seconds", 9_000)])
def test_a_soak_that_could_not_be_judged_is_refused(told):
    done = soak(*told)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
