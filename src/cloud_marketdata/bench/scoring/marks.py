"""The marks of one kind: planted and found by size, false alarms, delays; pure figures."""

import math
from collections.abc import Iterable
from typing import Final

from msgspec import Struct

from cloud_marketdata.domain.values import NS_PER_S

DAY_NS: Final = 86_400 * NS_PER_S


class Found(Struct):
    """What was found of one size, or of all sizes; delays are ms from start to being told."""

    planted: int = 0
    found: int = 0
    delays: list[float] = []

    @property
    def recall(self) -> float | None:
        """Share of the planted that was found."""
        return self.found / self.planted if self.planted else None

    def delay(self, share: float) -> float | None:
        """Return the delay in ms that this share of the found ones did not exceed."""
        ordered = sorted(self.delays)
        return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None

    def add(self, delay_ms: float | None) -> None:
        """Count a planted event; None where it was not found."""
        self.planted += 1
        if delay_ms is not None:
            self.found += 1
            self.delays.append(delay_ms)


class Marks(Struct):
    """All of one kind; `watched` is in ns, `covered` in whole seconds.

    chance, caused: signals explained by what nobody planted, and by what else was planted.
    """

    sizes: dict[str, Found] = {}
    false: int = 0
    chance: int = 0
    caused: int = 0
    watched: int = 0
    covered: int = 0

    def whole(self, sizes: Iterable[str] | None = None) -> Found:
        """Return the sum over these sizes, or all."""
        total = Found()
        for size in self.sizes if sizes is None else sizes:
            part = self.sizes.get(size, Found())
            total.planted += part.planted
            total.found += part.found
            total.delays += part.delays
        return total

    @property
    def precision(self) -> float | None:
        """Share of the judged signals that told of a planted event."""
        found = self.whole().found
        return found / (found + self.false) if found + self.false else None

    def f1(self, sizes: Iterable[str] | None = None) -> float | None:
        """Return the harmonic mean of precision and of recall over these sizes, or all."""
        precision, recall = self.precision, self.whole(sizes).recall
        if precision is None or recall is None or precision + recall == 0:
            return None
        return 2 * precision * recall / (precision + recall)

    @property
    def false_a_day(self) -> float | None:
        """False alarms a day of watching."""
        return self.false * DAY_NS / self.watched if self.watched else None

    @property
    def blind(self) -> float | None:
        """Share of the seconds at which a signal could not be false."""
        return self.covered * NS_PER_S / self.watched if self.watched else None

    def add(self, other: "Marks") -> None:
        """Count another run's as well."""
        for size, part in other.sizes.items():
            whole = self.sizes.setdefault(size, Found())
            whole.planted += part.planted
            whole.found += part.found
            whole.delays += part.delays
        self.false += other.false
        self.chance += other.chance
        self.caused += other.caused
        self.watched += other.watched
        self.covered += other.covered
