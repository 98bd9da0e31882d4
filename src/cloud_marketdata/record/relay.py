"""Connections that relieve each other, written one after the other and never mixed.

While two carry the same topics only the older one is written; what the newer one brings is held
back until the older one ends, however it ends, and follows it. A reader so meets trades it knows,
which it drops by id, and one change from one book's messages to another's. Nothing is missing,
because the newer one began before the older one ended. Pure; what must be forgotten is counted.
"""

from collections import deque
from collections.abc import Callable, Mapping
from typing import Final, Protocol

HELD_MAX: Final = 64 << 20


class Runner(Protocol):
    """A connection, as the relay sees it."""

    def newest_ids(self) -> Mapping[str, int]:
        """Return the newest update id of each book it brought."""
        ...

    def follow(self, newest: Mapping[str, int]) -> None:
        """Note that it is written from now on, behind books that were written up to these ids."""
        ...


class Relay:
    """The connections of one name; `forgotten` counts held frames that had to go.

    write: takes a payload and its receive time in ns.
    held_max: bytes that are held back at most; then the oldest go, which the older connection has
    most likely brought too.
    """

    def __init__(self, write: Callable[[bytes, int], None], held_max: int = HELD_MAX) -> None:
        self.forgotten = 0
        self._write = write
        self._held_max = held_max
        self._held: deque[tuple[bytes, int]] = deque()
        self._held_bytes = 0
        self._runners: list[Runner] = []
        self._newest: dict[str, int] = {}

    def join(self, runner: Runner) -> None:
        """Take a connection in, before it brings anything."""
        assert len(self._runners) <= 1, "a session relieves one connection by one other"
        self._runners.append(runner)
        if runner is self._runners[0]:
            runner.follow(self._newest)

    def take(self, runner: Runner, payload: bytes, received_at: int) -> None:
        """Take a frame of one that joined; one that left is not heard any more."""
        if self._runners and runner is self._runners[0]:
            self._write(payload, received_at)
        elif runner in self._runners:
            self._hold(payload, received_at)

    def leave(self, runner: Runner) -> None:
        """Let a connection go; twice is once."""
        if runner not in self._runners:
            return
        for symbol, newest in runner.newest_ids().items():
            self._newest[symbol] = max(newest, self._newest.get(symbol, 0))
        written = runner is self._runners[0]
        self._runners.remove(runner)
        # What a lost successor brought stays held: the one before it may lack a stream.
        if written:
            self._hand_over()

    def _hand_over(self) -> None:
        held, self._held, self._held_bytes = self._held, deque(), 0
        for payload, received_at in held:
            self._write(payload, received_at)
        if self._runners:
            self._runners[0].follow(self._newest)

    def _hold(self, payload: bytes, received_at: int) -> None:
        self._held.append((payload, received_at))
        self._held_bytes += len(payload)
        while self._held_bytes > self._held_max:
            gone, _ = self._held.popleft()
            self._held_bytes -= len(gone)
            self.forgotten += 1
