"""What /metrics says, read by the parser of Prometheus' own client library."""

from typing import NamedTuple, Self

import httpx2
from processes import NO_TLS, SLOW_S
from prometheus_client.parser import text_string_to_metric_families

_COUNTED = ("_total", "_bucket", "_count", "_sum")
Series = tuple[str, frozenset[tuple[str, str]]]


class Scrape(NamedTuple):
    """Every series of one scrape; `kinds` by the family's name."""

    values: dict[Series, float]
    kinds: dict[str, str]

    @classmethod
    def of(cls, url: str) -> Self:
        """Scrape a service."""
        text = httpx2.get(f"{url}/metrics", trust_env=False, verify=NO_TLS, timeout=SLOW_S)
        assert text.status_code == httpx2.codes.OK, text.text
        values: dict[Series, float] = {}
        kinds = {}
        for family in text_string_to_metric_families(text.text):
            kinds[family.name] = family.type
            for sample in family.samples:
                series = (sample.name, frozenset(sample.labels.items()))
                assert series not in values, f"{series} is told twice"
                values[series] = sample.value
        return cls(values, kinds)

    @property
    def counted(self) -> dict[Series, float]:
        """What may only ever grow."""
        return {
            series: value
            for series, value in self.values.items()
            if self.kinds.get(series[0].removesuffix("_total")) == "counter"
            or self._is_of_a_histogram(series[0])
        }

    def _is_of_a_histogram(self, name: str) -> bool:
        return any(self.kinds.get(name.removesuffix(end)) == "histogram" for end in _COUNTED)

    def all(self, name: str, /, **labels: str) -> dict[frozenset[tuple[str, str]], float]:
        """Return the series of a name that have these labels among theirs."""
        wanted = set(labels.items())
        return {
            has: value
            for (told, has), value in self.values.items()
            if told == name and wanted <= has
        }

    def one(self, name: str, /, **labels: str) -> float:
        """Return the only series of a name with these labels."""
        found = self.all(name, **labels)
        assert len(found) == 1, (name, labels, sorted(map(sorted, found)))
        return next(iter(found.values()))

    def total(self, name: str, /, **labels: str) -> float:
        """Return the sum of the series of a name with these labels."""
        return sum(self.all(name, **labels).values())
