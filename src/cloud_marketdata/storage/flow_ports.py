"""The contracts for what is made of the tape beyond bars: flow minutes, signals, reconciliation.

As in `ports`: all raise StorageError where a driver would raise its own, times are ns, ranges are
half-open, and each docstring is law and has a test.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from cloud_marketdata.domain.flow import FlowMinute
from cloud_marketdata.domain.reconciled import Reconciled, Verdict
from cloud_marketdata.domain.signal import Signal, SignalKind, Subject
from cloud_marketdata.domain.values import Venue


class FlowChanges(Struct, frozen=True):
    """What is stored together: the checkpoint includes exactly the minutes and signals told."""

    checkpoint: bytes
    minutes: Sequence[FlowMinute] = ()
    signals: Sequence[Signal] = ()


class Watched(Struct, frozen=True):
    """What of a subject's tape was looked at, so that "none" is not mistaken for "not looked".

    began: start of the earliest minute that was ever saved, also where it is forgotten. oldest:
    start of the earliest that is stored. minutes: how many are stored that start in the range.
    newest: the latest minute. Where all are forgotten, oldest and newest are None.
    """

    began: int
    oldest: int | None
    minutes: int
    newest: FlowMinute | None


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

    async def tell(self, subject: Subject, signals: Sequence[Signal]) -> None:
        """Store signals that the maker of the others knows nothing of, each as `save` does.

        They need no token: whoever tells of a fact twice tells the same, or a higher revision.
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
        after: str = "",
        kinds: Collection[SignalKind] = (),
        limit: int = 1000,
    ) -> list[Signal]:
        """Return signals with start <= their `detected` < end, by (detected, id), at most `limit`.

        after: of those detected at `start` itself, only ids above this. kinds: only these; without
        any, all. limit: at least 1.
        """
        ...

    async def watched(self, subject: Subject, start: int, end: int) -> Watched | None:
        """Return what its maker has looked at, or None before the first minute was saved."""
        ...

    async def forget(self, subject: Subject, *, minutes: int, signals: int) -> int:
        """Remove minutes that start, and signals detected, before these times; return how many."""
        ...

    async def subjects(self) -> list[Subject]:
        """Return the subjects that anything was saved or told of, sorted."""
        ...


class ReconciliationRepository(Protocol):
    """What the venue's own klines said of our minutes."""

    async def save(self, records: Sequence[Reconciled]) -> None:
        """Store each by (venue, symbol, start); one with a lower revision changes nothing."""
        ...

    async def find(self, venue: Venue, symbol: str, start: int, end: int) -> list[Reconciled]:
        """Return the records of minutes with start <= their start < end, ascending."""
        ...

    async def tally(self, venue: Venue, symbol: str, start: int, end: int) -> Mapping[Verdict, int]:
        """Count the minutes with start <= their start < end by verdict; what has none is absent."""
        ...

    async def forget(self, venue: Venue, symbol: str, before: int) -> int:
        """Remove the records of minutes that start before `before`; return how many."""
        ...
