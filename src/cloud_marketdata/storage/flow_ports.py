"""The contracts for what is made of the tape beyond bars: flow minutes, signals, reconciliation.

As in `ports`: all raise StorageError where a driver would raise its own, times are ns, ranges are
half-open, and each docstring is law and has a test.
"""

from collections.abc import Collection, Sequence
from typing import Protocol

from msgspec import Struct

from cloud_marketdata.domain.flow import FlowMinute
from cloud_marketdata.domain.reconciled import Reconciled
from cloud_marketdata.domain.signal import Signal, SignalKind, Subject
from cloud_marketdata.domain.values import Venue


class FlowChanges(Struct, frozen=True):
    """What is stored together: the checkpoint includes exactly the minutes and signals told."""

    checkpoint: bytes
    minutes: Sequence[FlowMinute] = ()
    signals: Sequence[Signal] = ()


class FlowRepository(Protocol):
    """Flow minutes and signals by subject, and the checkpoint from which their maker goes on."""

    async def save(self, subject: Subject, changes: FlowChanges, *, fence: int = 0) -> None:
        """Store all or none.

        A minute replaces the one with its start, a signal the one with its id, unless the stored
        one has a higher revision. The checkpoint replaces the one before.

        fence: the saver's token for this subject. Raises FencedError, storing nothing, where the
        subject has seen a higher one.
        """
        ...

    async def claim(self, subject: Subject, *, fence: int) -> bytes | None:
        """Show a fence, from which on no lower one can save, and return the checkpoint, if any.

        Raises FencedError as `save` does.
        """
        ...

    async def minutes(self, subject: Subject, start: int, end: int) -> list[FlowMinute]:
        """Return minutes with start <= their start < end, ascending."""
        ...

    async def signals(
        self,
        subject: Subject,
        start: int,
        end: int,
        *,
        kinds: Collection[SignalKind] = (),
        limit: int = 1000,
    ) -> list[Signal]:
        """Return signals with start <= their `detected` < end, by (detected, id), at most `limit`.

        kinds: only these; without any, all.
        """
        ...

    async def forget(self, subject: Subject, *, minutes: int, signals: int) -> int:
        """Remove minutes that start, and signals detected, before these times; return how many."""
        ...

    async def subjects(self) -> list[Subject]:
        """Return the subjects that anything was saved of, sorted."""
        ...


class ReconciliationRepository(Protocol):
    """What the venue's own klines said of our minutes."""

    async def save(self, records: Sequence[Reconciled]) -> None:
        """Store each by (venue, symbol, start); one with a lower revision changes nothing."""
        ...

    async def find(self, venue: Venue, symbol: str, start: int, end: int) -> list[Reconciled]:
        """Return the records of minutes with start <= their start < end, ascending."""
        ...

    async def forget(self, venue: Venue, symbol: str, before: int) -> int:
        """Remove the records of minutes that start before `before`; return how many."""
        ...
