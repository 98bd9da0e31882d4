"""Every shell block of the pages for users is run against a real service."""

import json
import re
import shutil
import subprocess

import pytest
from processes import simulating
from shell import NOT_HERE, run_lines, runs_here
from written import ROOT, blocks

PAGES = ("README.md", "docs/agents.md", "examples/README.md")
BLOCKS = [block for page in PAGES for block in blocks(page, "sh")]
SERVICE, VENUE = "127.0.0.1:8000", "127.0.0.1:9000"

pytestmark = pytest.mark.skipif(not shutil.which("curl"), reason="no curl on this machine")


def run(commands, folder, demo, venue=VENUE):
    return run_lines(commands, folder, {SERVICE: demo.address, VENUE: venue}, demo.venues)


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.title)
def test_every_shell_line_of_a_page_runs(block, demo, tmp_path):
    lines = [line for line in block.commands if runs_here(line)]
    simulated = [line for line in lines if "marketdata simulate" in line]
    if not simulated:
        run(lines, tmp_path, demo)
        return
    words = simulated[0].split("simulate ")[1].replace("--port 9000", "--port 0").split()
    with simulating(*words) as port:
        lines.remove(simulated[0])
        run(lines, tmp_path, demo, f"127.0.0.1:{port}")


def test_a_line_that_fails_is_noticed(demo, tmp_path):
    with pytest.raises(AssertionError, match="unknown_market"):
        run([f"curl 'http://{SERVICE}/v1/markets/binance-spot/NONE/trades'"], tmp_path, demo)


def test_an_endless_line_that_says_nothing_is_noticed(demo, tmp_path):
    with pytest.raises(AssertionError):
        run([f"curl -N 'http://{demo.venues}/nothing' >silence"], tmp_path, demo)


def test_what_is_not_run_here_is_still_written_somewhere():
    written = [line for block in BLOCKS for line in block.commands]

    assert [name for name in NOT_HERE if not any(line.startswith(name) for line in written)] == []


def test_make_demo_is_this_demo():
    # Inside of another make it would also say which folder it is in.
    asked = ["make", "--no-print-directory", "-n", "demo", "PORT=1234"]
    told = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True)

    assert re.search(r"marketdata demo --port 1234 --data-dir \S+$", told.stdout.strip())


def shape(value):
    """Return the names inside a JSON value, of a list those of its first element."""
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items()}
    return [shape(value[0])] if isinstance(value, list) and value else None


def within(small, large):
    if isinstance(small, dict):
        return isinstance(large, dict) and all(
            name in large and within(inner, large[name]) for name, inner in small.items()
        )
    return small is None or (isinstance(large, list) and within(small[0], large[0]))


def test_the_answer_that_the_readme_shows_has_the_names_of_a_real_one(demo, tmp_path):
    shown = next(json.loads(block.text) for block in blocks("README.md", "json"))
    path = "v1/markets/binance-usdm/BTCUSDT/volume-profile?row_ticks=50"
    answer = json.loads(run([f"curl 'http://{SERVICE}/{path}'"], tmp_path, demo))

    assert within(shape(shown), shape(answer))
    assert not within(shape(shown | {"invented": 1}), shape(answer))
