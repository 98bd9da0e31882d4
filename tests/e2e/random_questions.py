"""Random questions about a market whose data lie at rest: most can be answered, some must not be.

Every parameter is one that all languages take; pages are as long as an agent always gets them.
Times stand as epoch ms or as ISO-8601, in and around what was captured, some in the wrong order;
names are right but for a few.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from random import Random
from typing import Any, NamedTuple

from answering import Question

from cloud_marketdata.api.questions import MOST_CANDLES
from cloud_marketdata.api.signals.questions import MOST_ANOMALIES

_FRAMES = ("1s", "5s", "15s", "1m", "5m", "15m", "1h")
_VALUE_AREAS = ("cbot2", "one_row", "sparse", "shortest", "step_3", "best")
_KINDS = ("sweep", "clock_skew", "large_trade", "price_spike")
_AROUND_MS = 40_000
_MS_PER_S = 1_000


class Known(NamedTuple):
    """Which markets there are, and between which epoch ms their trades lie."""

    venue: str
    symbols: tuple[str, ...]
    first: int
    last: int


def random_question(known: Known, random: Random) -> Question:
    """Make up one question."""
    name, params = random.choice(tuple(_PARAMS.items()))
    symbol = random.choice(known.symbols) if random.random() < 0.97 else "NOSUCHUSDT"
    return Question(name, known.venue, symbol, params(known, random))


def _span(known: Known, random: Random) -> dict[str, Any]:
    ends = [random.randint(known.first - _AROUND_MS, known.last + _AROUND_MS) for _ in range(2)]
    if random.random() < 0.9:
        ends.sort()
    given = {"start": _time(ends[0], random), "end": _time(ends[1], random)}
    return {name: time for name, time in given.items() if random.random() < 0.85}


def _time(ms: int, random: Random) -> int | str:
    if random.random() < 0.5:
        return ms
    whole = datetime.fromtimestamp(ms // _MS_PER_S, UTC).isoformat()
    return f"{whole[:19]}.{ms % _MS_PER_S:03d}Z"


def _some(random: Random, **choices: object) -> dict[str, Any]:
    """Choose about half of the parameters, each with one of its values."""
    return {name: random.choice(of) for name, of in choices.items() if random.random() < 0.5}


def _profile(known: Known, random: Random) -> dict[str, Any]:
    shares = ("70", "68.27", "99.9", "0")
    asked = _some(random, row_ticks=(1, 3, 25, 100, 0), va_method=_VALUE_AREAS, va_pct=shares)
    return _span(known, random) | asked


def _flow(known: Known, random: Random) -> dict[str, Any]:
    resets = ("session", "none", "weekly")
    timeframe = {"timeframe": random.choice(_FRAMES)}
    longest = timeframe | {"limit": MOST_CANDLES}
    return _span(known, random) | longest | _some(random, reset=resets)


def _depth(_: Known, random: Random) -> dict[str, Any]:
    return _some(random, levels=(1, 5, 17, 50, 200, 0, 100_000))


def _candles(known: Known, random: Random) -> dict[str, Any]:
    timeframe = {"timeframe": random.choice((*_FRAMES, "7m"))}
    return _span(known, random) | timeframe | {"limit": MOST_CANDLES}


def _anomalies(known: Known, random: Random) -> dict[str, Any]:
    kinds = (random.choice(_KINDS), "sweep,large_trade", "rain")
    severities = ("info", "warn,critical", "info,warn,critical")
    severity = {"severity": random.choice(severities)}
    longest = severity | {"limit": MOST_ANOMALIES}
    return _span(known, random) | longest | _some(random, kinds=kinds)


_PARAMS: dict[str, Callable[[Known, Random], dict[str, Any]]] = {
    "volume-profile": _profile,
    "order-flow": _flow,
    "depth": _depth,
    "candles": _candles,
    "anomalies": _anomalies,
}
NAMES = tuple(_PARAMS)
"""What is asked."""
