"""A simulator on a free port, and a public client as a process of its own beside it.

The client runs with the Python of .venv-clients, because its packages contradict ours. It prints
one JSON document, and is ended when it takes too long.
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from processes import DATA, simulating

__all__ = ["CLIENTS", "DATA", "behind_tls", "playing", "received"]

CLIENTS = Path(__file__).parents[2] / ".venv-clients"
PROGRAMS = Path(__file__).parent / "programs"
TIME_LIMIT_S = 40


@contextmanager
def playing(venue: str, capture: Path, speed: int | str) -> Iterator[int]:
    """Play a capture, at a multiple of its time or "max", once the client has subscribed."""
    pace = ("--speed", speed, "--start-after", 1)
    with simulating("--venue", venue, "--capture", capture, *pace) as port:
        yield port


@contextmanager
def behind_tls(port: int, certificate: Path) -> Iterator[int]:
    """Put TLS in front of a port; the certificate to trust is written into the file."""
    with subprocess.Popen(
        command("tls_front", port, certificate), stdout=subprocess.PIPE, env=environment()
    ) as front:
        try:
            yield msgspec.json.decode(front.stdout.readline())["port"]
        finally:
            front.kill()


def received(program: str, *arguments: object, **settings: str) -> dict[str, Any]:
    """Run a client's program to its end and return what it says it received."""
    found = subprocess.run(
        command(program, *arguments),
        capture_output=True,
        check=False,
        env=environment(**settings),
        timeout=TIME_LIMIT_S,
    )
    assert found.returncode == 0, found.stderr.decode()[-4000:]
    return msgspec.json.decode(found.stdout, type=dict[str, Any])


def command(program: str, *arguments: object) -> list[str]:
    """Return the command of a program and its arguments."""
    return [f"{CLIENTS}/bin/python", f"{PROGRAMS}/{program}.py", *map(str, arguments)]


def environment(**settings: str) -> dict[str, str]:
    """Return an environment in which no proxy stands before loopback."""
    return {**os.environ, "NO_PROXY": "127.0.0.1", **settings}
