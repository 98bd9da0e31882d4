"""Commands that run until they are stopped leave one audit event, when they are up."""

import json
import os
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest
from processes import COMMAND, eventually

from cloud_marketdata.domain.values import Venue
from servers.program import free_port

INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}


def events(folder: Path) -> list[dict[str, Any]]:
    """Return the events of commands."""
    texts = [path.read_text() for path in folder.glob("audit/*/*.jsonl")]
    lines = [line for text in texts for line in text.splitlines()]
    return [event for event in map(json.loads, lines) if event["surface"] == "cli"]


@pytest.mark.parametrize(
    ("line", "up"),
    [
        (("run", "--port", "0"), "listening on "),
        (("run", "--role", "process"), ""),
        (("demo", "--port", "{port}", "--data-dir", "{folder}"), "Cloud MarketData demo"),
        (("mcp",), '"serverInfo"'),
    ],
    ids=["run", "process", "demo", "mcp"],
)
def test_a_command_that_lasts_leaves_one_event_when_it_is_up(line, up, tmp_path):
    folder = tmp_path / "data"
    env = {
        **os.environ,
        "MARKETDATA_DATA_DIR": str(folder),
        "MARKETDATA_SYMBOLS": json.dumps({venue: [] for venue in Venue}),
    }
    given = [part.format(port=free_port(), folder=folder) for part in line]
    process = subprocess.Popen(
        [*COMMAND, *given],
        env=env,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        if given[0] == "mcp":
            process.stdin.write(json.dumps(INITIALIZE) + "\n")
            process.stdin.flush()
        if up:
            assert up in process.stdout.readline()
        [event] = eventually(lambda: events(folder), 30)
    finally:
        process.stdin.close()
        process.terminate()
        process.wait(30)
        process.stdout.close()
    assert event["action"] == f"cli {given[0]}"
    assert event["outcome"] == "ok"
    # The demo's simulator is a command too, which leaves its own.
    of_it = [one for one in events(folder) if one["action"] != "cli simulate"]
    assert of_it == [event]


def test_a_start_that_fails_leaves_one_event_that_says_so(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    env = {**os.environ, "MARKETDATA_DATA_DIR": str(folder)}
    with socket.create_server(("127.0.0.1", 0)) as taken:
        line = [*COMMAND, "run", "--port", str(taken.getsockname()[1])]
        done = subprocess.run(line, env=env, check=False, capture_output=True)
    [event] = events(folder)
    assert (event["outcome"], event["status"], event["code"]) == ("refused", 2, "bad_request")
    assert done.returncode == 2
