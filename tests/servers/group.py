"""Programs that are one server together: founded, started, stopped and killed as one."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Self

from servers.program import Program


class Group(ABC):
    """A context manager around several programs; whatever happens they are ended by it.

    parts: in the order in which they are ended.
    """

    def __init__(self, parts: Sequence[Program]) -> None:
        self._parts = tuple(parts)

    def __enter__(self) -> Self:
        try:
            self.found()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @abstractmethod
    def found(self) -> None:
        """Start it for the first time."""

    @abstractmethod
    def start(self) -> None:
        """Start what does not run, let go on what is paused, and return when all of it answers."""

    @property
    def running(self) -> bool:
        """Whether all programs live, paused or not."""
        return all(part.running for part in self._parts)

    def stop(self) -> None:
        """Ask one program after the other to end (SIGTERM) and wait for it."""
        for part in self._parts:
            part.stop()

    def kill(self) -> None:
        """End all programs (SIGKILL), in the middle of whatever they do."""
        for part in self._parts:
            part.kill()

    def pause(self) -> None:
        """Stop all programs in their tracks (SIGSTOP): connections stay open, nothing answers."""
        for part in self._parts:
            part.pause()

    def resume(self) -> None:
        """Let paused programs go on (SIGCONT)."""
        for part in self._parts:
            part.resume()
