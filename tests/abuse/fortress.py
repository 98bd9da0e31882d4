"""The real service with everything shut, and what has been done to it.

Who does something says how many events the audit log must have of the address it came from; what
was expected of all of them is looked at again at the very end, when nothing more can come.
"""

import json
import os
import re
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from bunch import Bunch
from chronicle import Chronicle, Event
from processes import COMMAND, eventually, settings, simulating
from rawhttp import Answer, Door, exchanged, fresh_address, written

from cloud_marketdata.core.clock import SystemClock

PROXIES: Final = "127.99.0."
"""What the service takes for proxies begins so."""
PAGE: Final = "https://desk.example"
NAME: Final = "market.example"
VENUES: Final = ("binance-spot", "bybit-spot")
HEADER_S: Final = 1.5
CACHE_S: Final = 0.5
PER_ADDRESS: Final = 4
PER_KEY: Final = 6
SUBSCRIPTIONS: Final = 10
_MCP: Final = {
    "Accept": "application/json, text/event-stream",
    "Content-Type": "application/json",
    "MCP-Protocol-Version": "2025-06-18",
}
_DATA: Final = re.compile(rb"^data: (.*)$", re.MULTILINE)
_SHUT: Final = {
    "MARKETDATA_REQUIRE_KEYS": "always",
    "MARKETDATA_HEADER_TIMEOUT_S": str(HEADER_S),
    "MARKETDATA_KEY_CACHE_S": str(CACHE_S),
    "MARKETDATA_STREAM_PER_IP": str(PER_ADDRESS),
    "MARKETDATA_STREAM_PER_KEY": str(PER_KEY),
    "MARKETDATA_STREAM_SUBSCRIPTIONS": str(SUBSCRIPTIONS),
    "MARKETDATA_TRUSTED_PROXIES": json.dumps([f"{PROXIES}0/24"]),
    "MARKETDATA_ALLOWED_ORIGINS": json.dumps([PAGE]),
    "MARKETDATA_ALLOWED_HOSTS": json.dumps([NAME]),
    "MARKETDATA_LOG_LEVEL": "info",
}


class Told(NamedTuple):
    """What a tool answered: its answer, or the problem why not."""

    answer: Answer
    problem: Mapping[str, Any]


@dataclass
class Fortress:
    """A running service, its keys, and the tally of what was done."""

    process: subprocess.Popen
    door: Door
    folder: Path
    log: Path
    keys: Bunch
    chronicle: Chronicle
    stage: ExitStack
    expected: Counter[str] = field(default_factory=Counter)
    asked: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    stories: dict[str, bytes] = field(default_factory=dict)

    def end(self) -> int:
        """Stop the service and its simulator, whoever still needs them; return how it ended."""
        self.stage.close()
        return self.process.returncode

    def key(self, name: str) -> str:
        """Return the text of a key by its name."""
        return self.keys[name]

    def expect(self, address: str, events: int) -> None:
        """Note that the audit log must have so many more events of an address."""
        self.expected[address] += events

    def ask(
        self,
        target: str,
        key: str | None = None,
        headers: Mapping[str, str] | list[tuple[str, str]] = (),
        *,
        method: str = "GET",
        body: bytes = b"",
        address: str = "",
    ) -> Answer:
        """Ask once, with the key of that name; from a fresh address where none is given."""
        address = address or fresh_address()
        pairs = list(headers.items() if isinstance(headers, Mapping) else headers)
        if key is not None:
            pairs.append(("Authorization", f"Bearer {self.key(key)}"))
        request = written(self.door, target, pairs, method=method, body=body)
        answer = exchanged(self.door, address, request, method)
        self.stories.setdefault(address, request.partition(b"\r\n")[0][:120])
        self.asked[address] += 1
        self.expect(address, 1)
        if method != "HEAD" and answer.code:
            self.refused[answer.code] += 1
        return answer

    def rpc(self, method: str, key: str | None, address: str = "", **params: object) -> Answer:
        """Call a method of MCP."""
        asked = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        body = json.dumps(asked).encode()
        return self.ask("/mcp", key, _MCP, method="POST", body=body, address=address)

    def call_tool(self, name: str, key: str, address: str = "", **arguments: object) -> Told:
        """Call a tool of MCP."""
        answer = self.rpc("tools/call", key, address, name=name, arguments=arguments)
        said = said_by(answer)
        if not said.get("result", {}).get("isError"):
            return Told(answer, {})
        problem = json.loads(said["result"]["content"][0]["text"])
        self.refused[problem["code"]] += 1
        return Told(answer, problem)

    def events(self, address: str) -> list[Event]:
        """Return what the log has of an address, once it has all that is expected."""
        clock, expected = SystemClock(), self.expected[address]
        end = clock.monotonic() + 10
        while len(found := self.chronicle.of(address)) < expected and clock.monotonic() < end:
            time.sleep(0.01)
        return found

    def health(self) -> dict[str, Any]:
        """Return the whole of /health."""
        answer = self.ask("/health", "all")
        assert answer.status == 200, answer.body
        return answer.document

    def resident_mb(self) -> float:
        """Return how much memory the service holds."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024


def said_by(answer: Answer) -> dict[str, Any]:
    """Return the JSON-RPC message of an answer of MCP, however it was wrapped."""
    if not answer.body:
        return {}
    wrapped = _DATA.search(answer.body)
    return json.loads(wrapped[1] if wrapped else answer.body)


def refusal(answer: Answer) -> tuple[int, str]:
    """Return status and code of a refusal."""
    return answer.status, answer.code


@contextmanager
def besieged(folder: Path, **more: str) -> Iterator[Fortress]:
    """Run a simulator and the service before it; more: settings by their whole names."""
    simulated = [part for venue in VENUES for part in ("--venue", venue)]
    log = folder / "log"
    with ExitStack() as stage:
        port = stage.enter_context(simulating(*simulated, "--synthetic", "--seed", 1))
        stderr = stage.enter_context(log.open("w"))
        env = settings(VENUES, ["BTCUSDT"], port, folder / "data", **{**_SHUT, **more})
        keys = Bunch.made(env)
        process, door = stage.enter_context(_running(env, stderr))
        chronicle = Chronicle(folder / "data")
        found = Fortress(process, door, folder / "data", log, keys, chronicle, stage)
        eventually(lambda: b"BTCUSDT" in found.ask("/v1/markets", "all").body, 30)
        yield found


@contextmanager
def _running(env: Mapping[str, str], stderr: Any) -> Iterator[tuple[subprocess.Popen, Door]]:  # noqa: ANN401  a file
    process = subprocess.Popen(
        [*COMMAND, "run", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=stderr,
        env={**os.environ, **env},
        text=True,
    )
    try:
        line = process.stdout.readline()
        assert line.startswith("listening on "), line
        scheme, _, place = line.split()[-1].partition("://")
        host, _, port = place.rpartition(":")
        yield process, Door(host, int(port), scheme == "https")
    finally:
        process.terminate()
        process.wait(30)
        process.stdout.close()
