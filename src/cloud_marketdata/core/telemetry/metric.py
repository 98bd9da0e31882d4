"""What a figure is: its name, its kind, its labels; and one value of it as a component tells it.

Components count in plain numbers of their own; nobody holds an object of a metrics library. When
somebody asks, each tells `Sample`s, and what has the same metric and labels becomes one by the
metric's `fold`. Counters and histograms never go backwards while the process lives.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol, runtime_checkable

from cloud_marketdata.core.telemetry.histogram import Histogram

Kind = Literal["counter", "gauge", "histogram"]
Fold = Literal["sum", "max", "min"]


class Market(NamedTuple):
    """Where among the labels of a metric its venue and symbol are."""

    venue: int
    symbol: int


@dataclass(frozen=True, eq=False, slots=True)
class Metric:
    """One metric; `labels` are the names of what tells its series apart.

    A counter's name ends in `_total`; times are in seconds, sizes in bytes. `fold` says how several
    gauges become one: their sum, or the worst of them; counters and histograms are always added.
    """

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    fold: Fold = "sum"
    market: Market | None = field(init=False)

    def __post_init__(self) -> None:
        """Find what of the labels is a market."""
        at = self.labels.index
        market = Market(at("venue"), at("symbol")) if "symbol" in self.labels else None
        object.__setattr__(self, "market", market)

    def of(self, value: float | Histogram, *labels: str) -> "Sample":
        """Return one value; `labels` in the order of the metric's own."""
        assert len(labels) == len(self.labels), f"{self.name} has the labels {self.labels}"
        assert (self.kind == "histogram") == isinstance(value, Histogram), self.name
        return Sample(self, labels, value)


class Sample(NamedTuple):
    """One value of one series."""

    metric: Metric
    labels: tuple[str, ...]
    value: float | Histogram


@runtime_checkable
class Measured(Protocol):
    """Anything with figures."""

    def measures(self) -> Iterable[Sample]:
        """Tell the figures of this moment; asks nobody, never raises, takes well under 1 ms."""
        ...
