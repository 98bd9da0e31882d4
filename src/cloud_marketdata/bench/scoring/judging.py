"""From truths and signals to marks; nothing is adjusted in anybody's favour.

A signal that is paired with no planted event is a false alarm, unless an event that certainly
happened explains it: one that nobody planted, or a planted one of another kind that is known to
cause this kind besides. Such signals are counted apart and are neither right nor wrong. How much
that forgives is measured too: the share of seconds at which a blind signal would not be false.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from msgspec import Struct

from cloud_marketdata.bench.scoring.marks import Found, Marks
from cloud_marketdata.bench.scoring.matching import Span, paired, touches
from cloud_marketdata.domain.signal import Signal, SignalKind
from cloud_marketdata.domain.values import NS_PER_MS, NS_PER_S
from cloud_marketdata.simulator.labelled.truth import Truth

TOLERANCE_NS: Final = 2 * NS_PER_S


class Window(Struct, frozen=True):
    """The stretch of time that is judged, in ns: signals told and events begun inside it."""

    start: int
    end: int

    def holds(self, time: int) -> bool:
        """Whether it is inside."""
        return self.start <= time < self.end


def first_tellings(signals: Iterable[Signal]) -> list[Signal]:
    """Return the first telling of each signal: when it was found, whatever became of it."""
    first: dict[str, Signal] = {}
    for signal in signals:
        first.setdefault(signal.id, signal)
    return list(first.values())


def score(
    truths: Sequence[Truth],
    signals: Iterable[Signal],
    window: Window,
    tolerance: int = TOLERANCE_NS,
) -> dict[SignalKind, Marks]:
    """Return the marks of every kind that was planted or told."""
    told = [s for s in first_tellings(signals) if window.holds(s.detected)]
    inside = [truth for truth in truths if window.holds(truth.start)]
    kinds = {s.kind for s in told} | {t.kind for t in inside if not t.natural}
    return {
        kind: _Judge(kind, inside, window, tolerance).marks([s for s in told if s.kind is kind])
        for kind in sorted(kinds)
    }


class _Judge:
    """What signals of one kind are held against: the planted, the accidental, and the causes."""

    def __init__(
        self, kind: SignalKind, truths: Sequence[Truth], window: Window, tolerance: int
    ) -> None:
        mine = [truth for truth in truths if truth.kind is kind]
        self.planted = [truth for truth in mine if not truth.natural]
        self.chance = [_span(truth) for truth in mine if truth.natural]
        self.causes = [_span(truth) for truth in truths if kind in truth.also]
        self.window = window
        self.tolerance = tolerance

    def marks(self, signals: Sequence[Signal]) -> Marks:
        """Judge the signals of the kind."""
        spans = [Span(s.start, max(s.start, s.detected), s.detected) for s in signals]
        pairs = paired([_span(truth) for truth in self.planted], spans, self.tolerance)
        watched = self.window.end - self.window.start
        marks = Marks(watched=watched, covered=self._covered())
        for index, truth in enumerate(self.planted):
            signal = pairs.get(index)
            late = None if signal is None else (spans[signal].found - truth.start) / NS_PER_MS
            marks.sizes.setdefault(truth.size, Found()).add(late)
        for index in set(range(len(spans))) - set(pairs.values()):
            if self._near(self.chance, spans[index]):
                marks.chance += 1
            elif self._near(self.causes, spans[index]):
                marks.caused += 1
            else:
                marks.false += 1
        return marks

    def _near(self, events: Sequence[Span], signal: Span) -> bool:
        return any(touches(event, signal, self.tolerance) for event in events)

    def _covered(self) -> int:
        """Return how many seconds of the window touch an event that a signal could be about."""
        spans = [*(_span(truth) for truth in self.planted), *self.chance, *self.causes]
        covered: set[int] = set()
        for span in spans:
            first = max(self.window.start, span.start - self.tolerance) // NS_PER_S
            last = min(self.window.end, span.end + self.tolerance) // NS_PER_S
            covered.update(range(first, last + 1))
        return len(covered)


def _span(truth: Truth) -> Span:
    return Span(truth.start, truth.end)
