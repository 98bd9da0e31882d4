"""Real processes on loopback, started and ended by the tests that need them."""

import json
import os
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

import httpx2

from cloud_marketdata.core.clock import SystemClock

DATA = Path(__file__).parents[2].parent / "shared" / "data"
COMMAND = (sys.executable, "-m", "cloud_marketdata")
T = TypeVar("T")
NO_TLS: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For clients of 127.0.0.1: by itself each new one reads for 20 ms whom it may trust."""
SLOW_S: Final = 30
"""Patience with one answer of a machine that has much else to do."""


@contextmanager
def started(*arguments: object, env: Mapping[str, str] | None = None) -> Iterator[subprocess.Popen]:
    """Run a `marketdata` command; whatever happens it is gone afterwards."""
    process = subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **(env or {})},
        text=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


@contextmanager
def simulating(*arguments: object) -> Iterator[int]:
    """Run the simulator and tell its port."""
    with started("simulate", *arguments) as process:
        yield json.loads(process.stdout.readline())["port"]


@contextmanager
def serving(env: Mapping[str, str]) -> Iterator[tuple[subprocess.Popen, str]]:
    """Run the service and tell its URL."""
    with started("run", "--port", 0, env=env) as process:
        line = process.stdout.readline()
        assert line.startswith("listening on "), line
        yield process, line.split()[-1]


def settings(
    venues: Sequence[str], symbols: Sequence[str], port: int, data_dir: Path, **more: str
) -> dict[str, str]:
    """Return the environment of a service that collects from a simulator."""
    endpoint = {"ws": f"ws://127.0.0.1:{port}", "rest": f"http://127.0.0.1:{port}"}
    return {
        "MARKETDATA_SYMBOLS": json.dumps({venue: list(symbols) for venue in venues}),
        "MARKETDATA_ENDPOINTS": json.dumps(dict.fromkeys(venues, endpoint)),
        "MARKETDATA_DATA_DIR": str(data_dir),
        "MARKETDATA_BACKOFF_FIRST_S": "0.1",
        "MARKETDATA_BACKOFF_CAP_S": "0.5",
        # A venue that is started again shall not be left alone for a minute first.
        "MARKETDATA_BREAKER_RECOVERY_S": "1",
        "MARKETDATA_LOG_LEVEL": "warning",
        **more,
    }


def replayed(venue: str, *captures: Path) -> dict[str, Any]:
    """Return what `marketdata replay --json` says."""
    found = subprocess.run(
        [*COMMAND, "replay", "--venue", venue, "--json", *listed(), *map(str, captures)],
        capture_output=True,
        check=True,
        text=True,
    )
    return json.loads(found.stdout)


def listed() -> tuple[str, str]:
    """Return the option that names the captures' instruments."""
    return "--instruments", str(DATA / "instruments.json")


def ask(url: str, path: str, **params: object) -> dict[str, Any]:
    """GET a JSON document."""
    asked = params or None
    answer = httpx2.get(url + path, params=asked, timeout=SLOW_S, trust_env=False, verify=NO_TLS)
    assert answer.status_code == httpx2.codes.OK, answer.text
    return answer.json()


def eventually(look: Callable[[], T | None], seconds: float = 90) -> T:
    """Return the first thing found that is true; fail after `seconds`."""
    clock = SystemClock()
    end = clock.monotonic() + seconds
    while True:
        try:
            found = seen = look()
        except (httpx2.HTTPError, AssertionError) as error:
            found, seen = None, error
        if found:
            return found
        assert clock.monotonic() < end, f"not seen within {seconds} s; last: {seen!r:.500}"
        time.sleep(0.1)
