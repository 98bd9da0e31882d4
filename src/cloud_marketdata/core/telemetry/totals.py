"""Sums of one counter that never fall, although what they are made of comes and goes.

A symbol that is followed no more takes its count along, and a part that is made anew counts from
zero. Told as it is, the sum would fall, which PromQL's rate() takes for a restart of everything: it
counts all that is left once more. So what has gone stays in the sum.
"""

from collections.abc import Iterable, Mapping

from cloud_marketdata.core.telemetry.histogram import Histogram, merged

Value = float | Histogram
Labels = tuple[str, ...]
Groups = Mapping[Labels, Mapping[Labels, Value]]
"""By the labels that a sum is told under, its parts by their own."""


class Totals:
    """The sums of one metric."""

    def __init__(self) -> None:
        self._gone: dict[Labels, Value] = {}
        self._groups: Groups = {}

    def of(self, groups: Groups) -> dict[Labels, Value]:
        """Return each sum as it is now; one that has no part any more is still told."""
        for name, parts in self._groups.items():
            now = groups.get(name, {})
            for part, before in parts.items():
                if part not in now or _count(now[part]) < _count(before):
                    self._gone[name] = together((*self._went(name), before))
        self._groups = groups
        names = dict.fromkeys((*groups, *self._gone))
        return {
            name: together((*groups.get(name, {}).values(), *self._went(name))) for name in names
        }

    def _went(self, name: Labels) -> tuple[Value, ...]:
        return (self._gone[name],) if name in self._gone else ()


def together(values: Iterable[Value]) -> Value:
    """Add up counts, or histograms; there is at least one, and a single one is not copied."""
    first, *others = values
    if not others:
        return first
    if isinstance(first, Histogram):
        return merged(one for one in (first, *others) if isinstance(one, Histogram))
    return first + sum(one for one in others if not isinstance(one, Histogram))


def _count(value: Value) -> float:
    return value.count if isinstance(value, Histogram) else value
