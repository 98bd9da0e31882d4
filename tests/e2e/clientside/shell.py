"""Shell lines of pages, and examples, run against the demo: its addresses, bounded seconds.

What a line does not do here is said in `NOT_HERE`, with the test that does it instead.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from written import ROOT

from cloud_marketdata.domain.values import Venue

NOT_HERE = {
    "make demo": "the fixture `demo` is what it starts; see test_make_demo_is_this_demo",
    "make test": "this run",
    "make run": "tests/e2e/test_demo.py runs it where no venue can be reached",
    "claude mcp add": "no such client here; its words are started by test_client_blocks.py",
}
MARKETDATA = f"{sys.executable} -m cloud_marketdata"
# What a page leaves open or lets run for long, and what stands for it here.
_REWRITTEN = [
    (r"^(\S+=\S.*?) make run$", rf"\1 {MARKETDATA} config"),
    (r"^make certs$", f"{ROOT}/scripts/make-certs var/certs"),
    (r"\.venv/bin/marketdata run$", f"{MARKETDATA} config"),
    (r"\.venv/bin/marketdata run --role (\w+)( &)?$", rf"MARKETDATA_ROLE=\1 {MARKETDATA} config"),
    (r"\.venv/bin/marketdata\b", MARKETDATA),
    (r"\.venv/bin/python examples/", f"{sys.executable} {ROOT}/examples/"),
    (r"--seconds \d+", "--seconds 3"),
    # What is endless ends with the first thing it says.
    (r"^(\S+ \S+/bot\.py .+)$", r"timeout 40 \1 | grep -m1 'lean by'"),
    (r"^curl -N (.+)$", r"timeout 40 curl -sSN \1 | grep -m1 '^data'"),
    (r"^curl ", "curl -sS --fail-with-body "),
]


def runs_here(command: str) -> bool:
    """Whether a line can be run beside the demo."""
    return not any(command.startswith(other) for other in NOT_HERE)


def run_lines(commands: list[str], folder: Path, addresses: dict[str, str], venues: str) -> str:
    """Run lines in one shell, in `folder`, and return what they print; each must succeed.

    addresses: what a page calls a service, and where it is here.
    venues: host and port of the simulator, for whatever would go to the live venues.
    """
    script = "\n".join(_rewritten(line, addresses) for line in commands)
    endpoint = {"ws": f"ws://{venues}", "rest": f"http://{venues}"}
    told = {
        "MARKETDATA_ENDPOINTS": json.dumps(dict.fromkeys(Venue, endpoint)),
        "PYTHONUNBUFFERED": "1",
        "no_proxy": "*",
    }
    found = subprocess.run(
        ["sh", "-euc", script],
        capture_output=True,
        check=False,
        cwd=folder,
        env=os.environ | told,
        text=True,
        timeout=120,
    )
    assert found.returncode == 0, f"{script}\n{found.stdout}\n{found.stderr}"
    return found.stdout


def _rewritten(line: str, addresses: dict[str, str]) -> str:
    for pattern, here in _REWRITTEN:
        line = re.sub(pattern, here, line)
    for written, here in addresses.items():
        line = line.replace(written, here)
    return line


def example(
    name: str, arguments: Sequence[object], folder: Path
) -> subprocess.CompletedProcess[str]:
    """Run one of examples/ in a folder until it ends."""
    return subprocess.run(
        [sys.executable, ROOT / "examples" / name, *map(str, arguments)],
        capture_output=True,
        check=False,
        cwd=folder,
        env=os.environ | {"no_proxy": "*"},
        text=True,
        timeout=120,
    )
