"""One server program: started, awaited until it answers, stopped, killed, paused, started again.

It dies with the process that started it, also when that is killed. Whatever goes wrong is told with
the program's name and the end of its output. Its data stay in its folder between two starts.
"""

import secrets
import shlex
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, Self, TypeVar

from cloud_marketdata.core.clock import SystemClock

T = TypeVar("T")

HOST: Final = "127.0.0.1"
# Below the ports from which Linux lets connections go out: a client that tries again and again to
# reach a server that is down would one day get the server's port for itself, and reach itself.
_PORTS: Final = range(10_000, 32_000)
_TAIL: Final = 1500
# The kernel ends whatever is started so as soon as the thread that started it is gone.
_BOUND: Final = ("setpriv", "--pdeathsig", "KILL")
# So servers are started by a thread that ends last.
_STARTER: Final = ThreadPoolExecutor(max_workers=1, thread_name_prefix="starts-servers")


class ServerError(Exception):
    """A server does not do what it should; the text says which one and what it printed."""


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on."""
    while True:
        port = secrets.choice(_PORTS)
        with socket.socket() as probe:
            if probe.connect_ex((HOST, port)) != 0:
                return port


def until(answers: Callable[[], T], seconds: float = 60, give_up: Callable = bool) -> T:
    """Call `answers` until it raises nothing; after `seconds` raise what it raised last.

    give_up: called after each failure; it raises where waiting is in vain.
    """
    clock = SystemClock()
    end = clock.monotonic() + seconds
    while True:
        try:
            return answers()
        except Exception:
            give_up()
            if clock.monotonic() > end:
                raise
        time.sleep(0.02)


def ran(*command: object, seconds: float = 60) -> str:
    """Run a command to its end and return what it printed; ServerError where it fails."""
    words = [*_BOUND, *map(str, command)]
    try:
        run = subprocess.run(
            words, capture_output=True, text=True, timeout=seconds, check=True, errors="replace"
        )
    except subprocess.SubprocessError as error:
        told = f"{error.stdout or ''}{error.stderr or ''}"[-_TAIL:]
        message = f"{shlex.join(words)}: {error}\n{told}"
        raise ServerError(message) from error
    return run.stdout


class Program:
    """A server program and its folder; a context manager that starts it and ends it for good.

    answers: raises something until the server does its work.
    """

    def __init__(
        self, name: str, folder: Path, command: Sequence[object], answers: Callable[[], object]
    ) -> None:
        self.name = name
        self._output = folder / f"{name}.out"
        self._command = [str(word) for word in command]
        self._answers = answers
        self._process: subprocess.Popen | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def running(self) -> bool:
        """Whether the program lives, paused or not."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it, or let it go on where it runs already, and return when it answers."""
        self.launch()
        self.await_answer()

    def launch(self) -> None:
        """Start it, or let it go on, without waiting."""
        if self.running:
            self.resume()
            return
        with self._output.open("ab") as output:
            self._process = _STARTER.submit(
                subprocess.Popen,
                [*_BOUND, *self._command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            ).result()

    def await_answer(self, seconds: float = 60) -> None:
        """Return when it answers; a program that ended or stays silent is killed and told of."""
        try:
            until(self._answers, seconds, self._still_there)
        except Exception as error:
            self.kill()
            message = f"{self.name} does not answer: {error!r}\n{self.tail()}"
            raise ServerError(message) from error

    def stop(self, seconds: float = 30) -> None:
        """Ask it to end (SIGTERM) and wait for that."""
        if not self.running:
            return
        self._process.terminate()
        self._process.send_signal(signal.SIGCONT)
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            message = f"{self.name} did not stop within {seconds} s\n{self.tail()}"
            raise ServerError(message) from None

    def kill(self) -> None:
        """End it at once (SIGKILL), in the middle of whatever it does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def pause(self) -> None:
        """Stop it in its tracks (SIGSTOP): its sockets stay open and nothing answers."""
        self._signal(signal.SIGSTOP)
        until(self._stands_still, 5)

    def resume(self) -> None:
        """Let a paused program go on (SIGCONT)."""
        self._signal(signal.SIGCONT)

    def tail(self) -> str:
        """Return the end of what it printed."""
        return self._output.read_text(errors="replace")[-_TAIL:] if self._output.exists() else ""

    def _signal(self, what: signal.Signals) -> None:
        if not self.running:
            message = f"{self.name} does not run\n{self.tail()}"
            raise ServerError(message)
        self._process.send_signal(what)

    def _stands_still(self) -> None:
        state = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()[0]
        if state != "T":
            message = f"{self.name} still runs ({state})"
            raise ServerError(message)

    def _still_there(self) -> None:
        if not self.running:
            message = f"it ended with {self._process.returncode}"
            raise ServerError(message)
