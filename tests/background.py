"""Work in a thread of its own beside a test: whoever reads, asks or looks all the time."""

from collections.abc import Callable
from threading import Event, Thread
from typing import Self


class Background:
    """Works while the block around it runs; `over` is set when the work is to end."""

    def __init__(self, work: Callable[[], None]) -> None:
        self.over = Event()
        self._thread = Thread(target=work)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """Stop; who has stopped stays so."""
        self.over.set()
        self._thread.join()
