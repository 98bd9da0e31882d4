"""SIGHUP while a service starts does not end it, and is heeded as soon as it can be."""

import os
import signal
import socket
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from processes import COMMAND, ask, eventually

from servers.program import free_port

VENUE = "binance-spot"
NOWHERE = f'[endpoints.{VENUE}]\nws = "ws://127.0.0.1:9"\nrest = "http://127.0.0.1:9"\n'


def write(config: Path, *symbols: str) -> None:
    """Write settings that collect these symbols from a venue that is not there."""
    others = "".join(f"{venue} = []\n" for venue in ("binance-usdm", "bybit-spot", "bybit-linear"))
    names = ", ".join(f'"{symbol}"' for symbol in symbols)
    config.write_text(f"{NOWHERE}[symbols]\n{VENUE} = [{names}]\n{others}")


@contextmanager
def starting(folder: Path, port: int = 0, **env: str) -> Iterator[subprocess.Popen]:
    """Start a service and wait for nothing; whatever happens it is gone afterwards."""
    options = ("--port", str(port), "--data-dir", str(folder), "--config", str(folder / "toml"))
    with (folder / "errors").open("w") as errors:
        process = subprocess.Popen(
            [*COMMAND, "run", *options],
            stdout=subprocess.PIPE,
            stderr=errors,
            env={**os.environ, **env},
            text=True,
        )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def url_of(process: subprocess.Popen) -> str:
    """Return where a service listens, once it does; a service that died says nothing."""
    line = process.stdout.readline()
    assert line.startswith("listening on "), (line, process.wait(10))
    return line.split()[-1]


def reached(process: subprocess.Popen, module: str, told: Path) -> None:
    """Return as soon as a starting service has imported (part of) a module; it tells of each."""
    for _ in range(30_000):
        if module in told.read_text():
            return
        assert process.poll() is None
        time.sleep(0.001)
    msg = f"{module} is not imported"
    raise AssertionError(msg)


def answers(port: int) -> bool:
    """Whether anybody listens."""
    with socket.socket() as made:
        return made.connect_ex(("127.0.0.1", port)) == 0


def test_a_sighup_while_the_service_is_still_being_loaded_does_not_end_it(tmp_path):
    write(tmp_path / "toml")
    # The interpreter then tells of every import when it is done.
    with starting(tmp_path, PYTHONPROFILEIMPORTTIME="1") as process:
        reached(process, "uvicorn", tmp_path / "errors")
        process.send_signal(signal.SIGHUP)
        assert ask(url_of(process), "/health")["status"] == "healthy"


def test_a_sighup_while_the_stores_open_is_heeded_when_they_are_open(tmp_path):
    write(tmp_path / "toml")
    port = free_port()
    with closing(sqlite3.connect(tmp_path / "hot.db")) as other:
        other.execute("BEGIN EXCLUSIVE")
        with starting(tmp_path, port) as process:
            eventually(lambda: answers(port))
            write(tmp_path / "toml", "BTCUSDT")
            process.send_signal(signal.SIGHUP)
            other.rollback()
            url = url_of(process)

            def configured() -> bool:
                told = {row["venue"]: row for row in ask(url, "/v1/admin/symbols")["data"]}
                return told[VENUE]["configured"] == ["BTCUSDT"]

            eventually(configured)
