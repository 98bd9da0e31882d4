"""Flow minutes and signals in memory, kept as packed bytes: nobody changes them from outside."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from msgspec import Struct, field

from cloud_marketdata.core.errors import FencedError
from cloud_marketdata.domain.flow import FlowMinute
from cloud_marketdata.domain.signal import Signal, SignalKind, Subject
from cloud_marketdata.storage.flow_ports import FlowChanges, Watched
from cloud_marketdata.storage.packing.flow import (
    pack_minute,
    pack_signal,
    unpack_minute,
    unpack_signal,
)


class Kept(NamedTuple):
    """Packed bytes and the revision of what they hold."""

    revision: int
    body: bytes


class Told(NamedTuple):
    """A signal's place in the order of answers, its kind, and the signal."""

    detected: int
    id: str
    kind: SignalKind
    kept: Kept


class Shelf(Struct):
    """What is kept of one subject; `began` is None before the first minute.

    known: whether anything was saved or told of it, and not only claimed.
    """

    fence: int = 0
    known: bool = False
    checkpoint: bytes | None = None
    began: int | None = None
    minutes: dict[int, Kept] = field(default_factory=dict)
    signals: dict[str, Told] = field(default_factory=dict)


class MemoryFlow:
    """FlowRepository in memory."""

    def __init__(self) -> None:
        self._shelves: dict[Subject, Shelf] = {}

    async def save(self, subject: Subject, changes: FlowChanges, *, fence: int = 0) -> None:
        """Store all or none, but nothing of a lower revision or under a lower fence."""
        minutes = [(one.start, Kept(one.revision, pack_minute(one))) for one in changes.minutes]
        signals = [_told(signal) for signal in changes.signals]
        shelf = self._fenced_off(subject, fence)
        shelf.known, shelf.checkpoint = True, changes.checkpoint
        for start, minute in minutes:
            _replace_minute(shelf, start, minute)
        _replace_signals(shelf, signals)

    async def tell(self, subject: Subject, signals: Sequence[Signal]) -> None:
        """Store signals without a token, but none of a lower revision."""
        told = [_told(signal) for signal in signals]
        shelf = self._shelves.setdefault(subject, Shelf())
        shelf.known = True
        _replace_signals(shelf, told)

    async def claim(self, subject: Subject, *, fence: int) -> bytes | None:
        """Show a fence and return the checkpoint, if any."""
        return self._fenced_off(subject, fence).checkpoint

    async def minutes(self, subject: Subject, start: int, end: int) -> list[FlowMinute]:
        """Return minutes with start <= their start < end, ascending."""
        minutes = self._shelf(subject).minutes
        return [unpack_minute(minutes[at].body) for at in sorted(minutes) if start <= at < end]

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
        """Return signals with start <= their `detected` < end, by (detected, id)."""
        found = sorted(
            told
            for told in self._shelf(subject).signals.values()
            if (start, after) < (told.detected, told.id) < (end, "")
            and (not kinds or told.kind in kinds)
        )
        return [unpack_signal(told.kept.body) for told in found[:limit]]

    async def watched(self, subject: Subject, start: int, end: int) -> Watched | None:
        """Return what its maker has looked at, or None before the first minute was saved."""
        shelf = self._shelf(subject)
        if shelf.began is None:
            return None
        starts = sorted(shelf.minutes)
        inside = sum(start <= at < end for at in starts)
        if not starts:
            return Watched(shelf.began, None, inside, None)
        newest = unpack_minute(shelf.minutes[starts[-1]].body)
        return Watched(shelf.began, starts[0], inside, newest)

    async def forget(self, subject: Subject, *, minutes: int, signals: int) -> int:
        """Remove minutes that start, and signals detected, before these times."""
        shelf = self._shelf(subject)
        old_minutes = [start for start in shelf.minutes if start < minutes]
        old_signals = [told.id for told in shelf.signals.values() if told.detected < signals]
        for start in old_minutes:
            del shelf.minutes[start]
        for name in old_signals:
            del shelf.signals[name]
        return len(old_minutes) + len(old_signals)

    async def subjects(self) -> list[Subject]:
        """Return the subjects that anything was saved or told of, sorted."""
        return sorted(subject for subject, shelf in self._shelves.items() if shelf.known)

    def _shelf(self, subject: Subject) -> Shelf:
        """Return what is kept of a subject, without keeping anything of one that is asked for."""
        return self._shelves.get(subject) or Shelf()

    def _fenced_off(self, subject: Subject, fence: int) -> Shelf:
        seen = self._shelf(subject).fence
        if fence < seen:
            msg = f"{subject.scope} {subject.symbol} has seen the fencing token {seen}, not {fence}"
            raise FencedError(msg)
        shelf = self._shelves.setdefault(subject, Shelf())
        shelf.fence = fence
        return shelf


def _told(signal: Signal) -> Told:
    kept = Kept(signal.revision, pack_signal(signal))
    return Told(signal.detected, signal.id, signal.kind, kept)


def _replace_minute(shelf: Shelf, start: int, minute: Kept) -> None:
    known = shelf.minutes.get(start)
    if known is None or known.revision <= minute.revision:
        shelf.minutes[start] = minute
    shelf.began = start if shelf.began is None else min(start, shelf.began)


def _replace_signals(shelf: Shelf, signals: Sequence[Told]) -> None:
    for told in signals:
        known = shelf.signals.get(told.id)
        if known is None or known.kept.revision <= told.kept.revision:
            shelf.signals[told.id] = told
