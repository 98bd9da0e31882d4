"""Which signal tells of which event: one to one, by overlap in time.

The pairing has as many pairs as any can have, and of several signals for one event the one that
begins the nearest is preferred. Nothing is adjusted: a second signal of the same event is one too
many, and one that touches an event only within the tolerance is a hit like any other.
"""

from collections.abc import Sequence
from typing import NamedTuple


class Span(NamedTuple):
    """A stretch of time in ns, both ends included; `found` is when a signal was told."""

    start: int
    end: int
    found: int = 0


def touches(event: Span, signal: Span, tolerance: int) -> bool:
    """Whether they overlap, or would if the event were longer by the tolerance at either end."""
    return signal.start <= event.end + tolerance and signal.end >= event.start - tolerance


def paired(events: Sequence[Span], signals: Sequence[Span], tolerance: int) -> dict[int, int]:
    """Return the index of the signal by the index of the event it tells of."""
    near = [_nearest_first(event, signals, tolerance) for event in events]
    event_of: dict[int, int] = {}
    for event in sorted(range(len(events)), key=lambda index: events[index]):
        _place(event, near, event_of, set())
    return {event: signal for signal, event in event_of.items()}


def _nearest_first(event: Span, signals: Sequence[Span], tolerance: int) -> list[int]:
    touching = [n for n, signal in enumerate(signals) if touches(event, signal, tolerance)]
    return sorted(touching, key=lambda n: (abs(signals[n].start - event.start), signals[n].found))


def _place(
    event: int, near: Sequence[Sequence[int]], event_of: dict[int, int], asked: set[int]
) -> bool:
    """Give an event a signal, if need be one whose own event can do with another one."""
    for signal in near[event]:
        if signal in asked:
            continue
        asked.add(signal)
        holder = event_of.get(signal)
        if holder is None or _place(holder, near, event_of, asked):
            event_of[signal] = event
            return True
    return False
