"""The agent's conversation: it goes through, and the page in the docs is one of it.

Where tools or the script have changed, the page is made anew: what the script prints beside
`make demo` goes under its last heading.
"""

import json
import re
from decimal import Decimal

import pytest
from shell import example
from written import ROOT

MARK = "## A transcript\n"


@pytest.fixture(scope="module")
def fresh(demo, tmp_path_factory):
    found = example("agent_transcript.py", [f"{demo.url}/mcp"], tmp_path_factory.mktemp("agent"))
    assert found.returncode == 0, found.stderr
    return found.stdout


@pytest.fixture(scope="module")
def written():
    page = (ROOT / "docs/agents.md").read_text()
    return page[page.index("\n| tool | for |", page.index(MARK)) :]


def told(text, start):
    return [line for line in text.splitlines() if line.startswith(start)]


def calls(text):
    """Return the tools that were called and with what, cursors as a mere sign."""
    found = [line.split("` ", 1) for line in told(text, "`")]
    return [(tool, json.loads(given) | sign(json.loads(given))) for tool, given in found]


def sign(arguments):
    return {"cursor": "…"} if "cursor" in arguments else {}


def kinds(text):
    """Return who speaks, line by line."""
    return [line[: 4 if line.startswith("**") else 1] for line in text.splitlines() if line]


def test_the_written_conversation_is_one_of_todays_script_and_tools(fresh, written):
    for start in ("|", "**Asked", "> 404"):
        assert told(written, start) == told(fresh, start)
        assert told(fresh, start)
    assert calls(written) == calls(fresh)
    assert kinds(written) == kinds(fresh)


def test_every_answer_says_how_good_it_is(fresh):
    answers = len(calls(fresh)) - len(told(fresh, "> 404"))

    assert len(told(fresh, "> quality: as of ")) == answers
    assert answers >= 6


def test_the_tape_goes_on_from_call_to_call(fresh):
    cursors = [json.loads(line.split("` ", 1)[1]).get("cursor") for line in told(fresh, "`stream")]

    assert cursors[0] is None
    assert None not in cursors[1:]
    assert len(set(cursors)) == 3
    assert len(told(fresh, "**Agent:** This goes on behind the last trade")) == 2


def test_the_price_of_a_size_lies_inside_the_book(fresh):
    book = next(line for line in told(fresh, "> Best bid"))
    best_ask = Decimal(re.search(r"best ask ([\d.]+)", book)[1])
    costs = [re.match(r"\*\*Agent:\*\* ([\d.]+) USDT", line) for line in told(fresh, "**Agent")]
    cost = next(filter(None, costs))

    assert best_ask <= Decimal(cost[1]) < best_ask * Decimal("1.01")
