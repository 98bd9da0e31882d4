"""A market as folds see it, and a driver that tells a fold what its feeds brought."""

from collections.abc import Iterable
from decimal import Decimal

import msgspec

from cloud_marketdata.domain.events import StatusEvent, StatusKind
from cloud_marketdata.domain.instrument import Instrument, Scale
from cloud_marketdata.domain.signal import Signal, Subject
from cloud_marketdata.domain.values import NS_PER_MS, Side, Timeframe, Venue
from cloud_marketdata.processing.flow.moments import Arrival, Cluster, Fold, Scene

BASE = 1_723_161_600_000 * NS_PER_MS
AHEAD = 20 * NS_PER_MS
BTC = Instrument(Venue.BINANCE_USDM, "BTCUSDT", Scale(Decimal("0.1"), Decimal("0.001")))


def scene() -> Scene:
    return Scene(Subject.market(BTC.venue, BTC.symbol), BTC)


def fact(kind: StatusKind, ms: int, **detail: int | str) -> StatusEvent:
    """A fact received `ms` after the beginning; its own times are meant so too."""
    told = {
        name: value + BASE // NS_PER_MS if name.endswith("_ms") else value
        for name, value in detail.items()
    }
    return StatusEvent(BTC.venue, BTC.symbol, kind, BASE + ms * NS_PER_MS, told)


def arrival(ms: float, kind: str = "trades", delay_ms: float = 5, events: int = 1) -> Arrival:
    """An entry received `ms` after the beginning, of an event `delay_ms` before."""
    received = BASE + int(ms * NS_PER_MS)
    return Arrival(kind, events, received - int(delay_ms * NS_PER_MS), received)


def cluster(first: int | str, last: int | str, trades: int) -> Cluster:
    return Cluster(BASE, BASE, Side.BUY, first, last, trades, trades, 1, 1, ((1, 1),))


def told(fold: Fold, arrivals: Iterable[Arrival]) -> list[Signal]:
    """Tell a fold of entries, and of every minute of match time that they leave behind."""
    here, signals, minute = scene(), [], None
    for one in arrivals:
        start = Timeframe.M1.floor(one.received_at)
        if minute is not None and start > minute:
            signals += minute_over(fold, here, minute)
        minute = start
        signals += arrived(fold, here, one)
    return signals


def arrived(fold: Fold, here: Scene, one: Arrival) -> list[Signal]:
    """Tell a fold of one entry, when match time has come to it."""
    here.time = max(here.time, one.exchange_time)
    return list(fold.on_arrival(here, one))


def happened(fold: Fold, here: Scene, one: StatusEvent) -> list[Signal]:
    """Tell a fold of a fact, which stands where the venue's clock was, 20 ms behind ours."""
    here.time = one.received_at - AHEAD
    return list(fold.on_fact(here, one))


def minute_over(fold: Fold, here: Scene, minute: int) -> list[Signal]:
    """End a minute, where the fold wants to know of it."""
    if type(fold).on_minute is Fold.on_minute:
        return []
    signals = list(fold.on_minute(here, minute))
    fold.reading(here)
    return signals


def copied(fold: Fold) -> Fold:
    """Store a fold and load it again."""
    return msgspec.msgpack.decode(msgspec.msgpack.encode(fold), type=type(fold))
