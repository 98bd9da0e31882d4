"""What a detector says about a stretch of tape: a fact with its statistic and its evidence.

A signal is found again from the tape by the trade ids it names. It is told more than once while it
lives: each telling has the same `id`, and the one with the highest `revision` counts.
"""

from enum import StrEnum
from typing import NamedTuple

from msgspec import Struct

from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.domain.values import Side, Venue


class Subject(NamedTuple):
    """What is watched: one market, or a pair of them.

    scope: the venue's name, or two of them joined by `+`, in their order of names.
    """

    scope: str
    symbol: str

    @classmethod
    def market(cls, venue: Venue, symbol: str) -> "Subject":
        """Return the subject of one market."""
        return cls(venue.value, symbol)

    @classmethod
    def pair(cls, first: Venue, second: Venue, symbol: str) -> "Subject":
        """Return the subject of two venues that trade the same symbol."""
        return cls("+".join(sorted((first.value, second.value))), symbol)


class SignalKind(StrEnum):
    """What is detected."""

    ABSORPTION = "absorption"
    FLOW_ABSORPTION = "flow_absorption"
    EXHAUSTION = "exhaustion"
    DIVERGENCE = "divergence"
    LARGE_TRADE = "large_trade"
    SWEEP = "sweep"
    ICEBERG_SUSPECTED = "iceberg_suspected"
    PRICE_SPIKE = "price_spike"
    VOLUME_SPIKE = "volume_spike"
    OUTLIER_PRINT = "outlier_print"
    SPREAD_BLOW_OUT = "spread_blow_out"
    DEPTH_COLLAPSE = "depth_collapse"
    CROSSED_BOOK = "crossed_book"
    SEQUENCE_GAP = "sequence_gap"
    TRADE_GAP = "trade_gap"
    DUPLICATES = "duplicates"
    STALE_FEED = "stale_feed"
    FEED_RATE = "feed_rate"
    CLOCK_SKEW = "clock_skew"
    WASH_LIKE = "wash_like"
    ARCHIVE_FAULT = "archive_fault"
    KLINE_MISMATCH = "kline_mismatch"
    VENUE_DIVERGENCE = "venue_divergence"


class Severity(StrEnum):
    """How much a reader should mind."""

    INFO = "info"
    WARN = "warn"
    CRITICAL = "critical"


class SignalState(StrEnum):
    """Where a signal stands in its life.

    open: it goes on, or its outcome is not known yet. held: its outcome was good (an absorbed level
    still stands after the hold). broken: what held gave way later. resolved: it is over.
    """

    OPEN = "open"
    HELD = "held"
    BROKEN = "broken"
    RESOLVED = "resolved"


class Evidence(Struct, frozen=True):
    """The trades that caused it: first and last id, and how many; none where no trade did."""

    first_id: int | str | None = None
    last_id: int | str | None = None
    trades: int = 0


class Signal(Struct, frozen=True):
    """One telling of a fact.

    Times are ns of match time: `start` and `end` of what happened (None while it goes on), and
    `detected`, when the tape showed it. `low` and `high` are ticks, `size` is lots of `instrument`.
    `statistic` is what was compared with `threshold`, `baseline` what is usual; all three are
    ratios or scores without money in them. `affects` names fields of answers to be doubted.
    """

    id: str
    kind: SignalKind
    instrument: Instrument
    start: int
    detected: int
    end: int | None
    state: SignalState
    severity: Severity
    statistic: float | None
    threshold: float | None
    baseline: float | None
    detector: str
    version: int
    evidence: Evidence = Evidence()
    side: Side | None = None
    low: int | None = None
    high: int | None = None
    size: int | None = None
    affects: tuple[str, ...] = ()
    detail: dict[str, int | float | str | bool] = {}
    revision: int = 0


def signal_id(kind: SignalKind, subject: Subject, start: int, mark: int | str = "") -> str:
    """Name a signal by what it is about, so that a replay of the tape names it alike."""
    return f"{kind.value}:{subject.scope}:{subject.symbol}:{start}:{mark}"
