"""The members of the deployment: each a process with a data folder of its own, as on a machine.

They share nothing but the servers. All that differs between two of one role is the folder and the
ports.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import httpx2
from cluster_market import Venues
from processes import COMMAND, NO_TLS, settings

from servers.program import Program, free_port

LEASE_S: Final = 3.0
ROLES: Final = {"collect": 2, "process": 3, "serve": 2}
_STOP_S: Final = 40


class Member:
    """One process; `up` says whether it does its work, which one that sleeps does not."""

    def __init__(self, role: str, number: int, folder: Path, env: Mapping[str, str]) -> None:
        self.role = role
        self.name = f"{role}-{number}"
        self.up = self.asleep = False
        self._port = free_port()
        self._output = folder / f"{self.name}.out"
        ours = {"DATA_DIR": str(folder / self.name), "OPS_PORT": str(self._port)}
        if role in {"serve", "all"}:
            ours = {"DATA_DIR": str(folder / self.name), "PORT": str(self._port)}
        words = [f"{key}={value}" for key, value in env.items()]
        words += [f"MARKETDATA_{key}={value}" for key, value in ours.items()]
        command = ["env", *words, *COMMAND, "run", "--role", role]
        self.program = Program(self.name, folder, command, bool)

    @property
    def url(self) -> str:
        """Where it answers: the API, or at least how it is."""
        return f"http://127.0.0.1:{self._port}"

    def launch(self) -> None:
        """Start it, or let it wake up, without waiting."""
        self.program.launch()
        self.up, self.asleep = True, False

    def kill(self) -> None:
        """SIGKILL."""
        self.up = self.asleep = False
        self.program.kill()

    def stop(self) -> None:
        """SIGTERM, and wait for the end of what it then does."""
        self.up = False
        self.program.stop(_STOP_S)

    def sleep(self) -> None:
        """SIGSTOP."""
        self.up, self.asleep = False, True
        self.program.pause()

    def ready(self) -> bool:
        """Whether it says so itself."""
        try:
            told = httpx2.get(f"{self.url}/ready", timeout=5, trust_env=False, verify=NO_TLS)
        except httpx2.TransportError:
            return False
        return told.is_success

    def carries_all(self) -> bool:
        """Whether a collector has every market of each venue, or stands by to go on with it."""
        try:
            told = httpx2.get(f"{self.url}/health", timeout=5, trust_env=False, verify=NO_TLS)
        except httpx2.TransportError:
            return False
        details = [one["detail"] for one in told.json()["detail"]["components"]]
        shares = [detail["sharing"] for detail in details if "sharing" in detail]
        return bool(shares) and all(one["standing_by"] == one["elsewhere"] for one in shares)

    def said(self, event: str) -> int:
        """Return how often it has logged an event, over all its lives."""
        if not self._output.exists():
            return 0
        return self._output.read_text(errors="replace").count(f'"event": "{event}"')

    def cpu_s(self) -> float:
        """Return the CPU time that this life of it has taken."""
        return cpu_s(self.program)

    def rss(self) -> int:
        """Return its resident bytes."""
        pages = Path(f"/proc/{_pid(self.program)}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")


def cpu_s(program: Program) -> float:
    """Return the CPU time, in s, that a running program has taken since it was started."""
    fields = Path(f"/proc/{_pid(program)}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _pid(program: Program) -> int:
    """Return that of the process itself: `setpriv` and `env` have become it."""
    process = program._process
    assert process is not None
    return process.pid


def members(
    folder: Path, places: Mapping[str, str], found: Venues, symbols: Sequence[str], **more: str
) -> Iterator[Member]:
    """Yield all members, none of which has been started."""
    env = environment(places, found, symbols) | more
    for role, count in ROLES.items():
        for number in range(1, count + 1):
            yield Member(role, number, folder, env)


def environment(places: Mapping[str, str], found: Venues, symbols: Sequence[str]) -> dict[str, str]:
    """Return the variables that all members share."""
    endpoints = {
        venue: {"ws": f"ws://127.0.0.1:{port}", "rest": f"http://127.0.0.1:{port}"}
        for venue, port in found.ports.items()
    }
    common = settings(list(found.ports), symbols, 0, Path())
    return {
        **common,
        **{f"MARKETDATA_{name.upper()}": value for name, value in places.items()},
        "MARKETDATA_ENDPOINTS": json.dumps(endpoints),
        "MARKETDATA_LOG_LEVEL": "info",
        # Nothing may leave the log: it is what everything is compared with.
        "MARKETDATA_HOT_MINUTES": "1440",
        "MARKETDATA_LEASE_S": str(LEASE_S),
        "MARKETDATA_COLLECT_COPIES": "2",
        "MARKETDATA_STREAM_HEARTBEAT_S": "1",
        "MARKETDATA_LIMIT_PER_IP": "1000000",
    }
