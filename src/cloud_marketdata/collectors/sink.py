"""Where sessions hand on what they collect: the log's writer, or nothing in a recorder."""

from collections.abc import Callable, Iterable
from typing import Protocol

from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.storage.ports import Batch, BookView


class Sink(Protocol):
    """Where a session's events go; `writer.LogWriter` in a service."""

    def submit(
        self,
        batches: Iterable[Batch],
        views: Iterable[BookView] = (),
        refined: Iterable[Instrument] = (),
    ) -> None:
        """Take batches, books and refined instruments; never waits, never refuses."""
        ...

    def when_full(self, pause: Callable[[], None], resume: Callable[[], None]) -> None:
        """Call `pause` now if too much waits, and `resume` once there is room."""
        ...
