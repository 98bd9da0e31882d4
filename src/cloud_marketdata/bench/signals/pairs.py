"""Two labelled venues that hear the same news: divergences that are planted, and known delays."""

from collections.abc import Sequence
from statistics import median
from typing import Final

from msgspec import Struct

from cloud_marketdata.bench.scoring.judging import Window, score
from cloud_marketdata.bench.signals.markets import START, SYMBOL, Market, Scored
from cloud_marketdata.domain.flow import FlowMinute
from cloud_marketdata.domain.signal import SignalKind
from cloud_marketdata.domain.values import NS_PER_S, Venue
from cloud_marketdata.processing.pairs.likes import Pair
from cloud_marketdata.processing.pairs.offline import compared
from cloud_marketdata.simulator.labelled.spec import Spec
from cloud_marketdata.storage.ports import Record, Stream

PAIR: Final = Pair(Venue.BINANCE_USDM, Venue.BYBIT_LINEAR, SYMBOL)


class Lag(Struct, frozen=True):
    """A planted delay of the second venue, and what was estimated, minute by minute, in ms."""

    planted: int
    estimates: Sequence[float]

    @property
    def estimate(self) -> float | None:
        """The median of the minutes."""
        return median(self.estimates) if self.estimates else None

    @property
    def worst(self) -> float | None:
        """The largest error of a minute."""
        return max((abs(one - self.planted) for one in self.estimates), default=None)


def paired_markets(spec: Spec, seed: int) -> tuple[Scored, Lag]:
    """Play both venues, the second as the spec says, and compare them."""
    leader = Market(PAIR.first, Spec(rounds=0), seed)
    follower = Market(PAIR.second, spec, seed)
    streams = _log(follower)
    streams |= _log(leader, follower.now)
    made = compared(PAIR, streams)
    window = Window(START + spec.warm_s * NS_PER_S, follower.now)
    truths = [t for t in follower.truths if t.kind is SignalKind.VENUE_DIVERGENCE]
    marks = score(truths, made.signals, window)
    seconds = (window.end - window.start) // NS_PER_S
    late = [minute for minute in made.minutes if minute.start >= window.start]
    return Scored(marks, seconds), Lag(spec.lag_ms, _estimates(late))


def _log(market: Market, until: int | None = None) -> dict[Stream, list[Record]]:
    streams: dict[Stream, list[Record]] = {}
    for position, batch in enumerate(market.batches(until), start=1):
        streams.setdefault(batch.stream, []).append(Record(position, batch.events))
    return streams


def _estimates(minutes: Sequence[FlowMinute]) -> list[float]:
    readings = (minute.readings.get("lead_lag", {}).get("lag_match_ms") for minute in minutes)
    return [float(one) for one in readings if isinstance(one, int | float)]
