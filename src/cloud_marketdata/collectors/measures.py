"""The figures of one venue: what its feed has at the moment, and what was counted since the start.

Counts outlive symbols, connections and every new start of the feed: they are kept here, and a desk
or a link that goes has left its own before.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

from cloud_marketdata.collectors.connection.session import Session
from cloud_marketdata.collectors.lanes.desk import Desk
from cloud_marketdata.collectors.works import Works
from cloud_marketdata.core.breaker import BreakerState, CircuitBreaker
from cloud_marketdata.core.telemetry import catalogue as told
from cloud_marketdata.core.telemetry.metric import Metric, Sample
from cloud_marketdata.domain.values import NS_PER_S, Venue
from cloud_marketdata.storage.ports import StreamKind

_STATES: Final = {BreakerState.CLOSED: 0, BreakerState.HALF_OPEN: 1, BreakerState.OPEN: 2}
_CONNECTION: Final = ("open", "silent", "closed")
_COUNTS: Final[tuple[tuple[str, Metric, tuple[str, ...]], ...]] = (
    ("frames", told.FRAMES, ()),
    ("duplicates", told.DUPLICATES, ()),
    ("backfilled", told.BACKFILLED, ()),
    ("reconnects", told.RECONNECTS, ()),
    ("trade_gaps", told.FEED_GAPS, ("trades",)),
    ("book_gaps", told.FEED_GAPS, ("book",)),
    *((f"ticker_{was}", told.TICKER, (was,)) for was in ("equal", "different")),
    *((f"ticker_{was}", told.TICKER, (was,)) for was in ("unknown", "dropped")),
)
"""What desks and links count under which name, and the metric that tells it."""
_STREAMS: Final = (
    (StreamKind.TRADES, "trades", told.TRADES),
    (StreamKind.BOOK, "book", told.BOOK_UPDATES),
)


class FeedFigures:
    """Tells of one venue; `counts` is where its desks leave what they counted.

    breakers: by the name of the endpoint that each stands before.
    least_s: the silence that is usual for every stream.
    """

    def __init__(
        self, venue: Venue, breakers: Mapping[str, CircuitBreaker], least_s: float
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._venue = venue.value
        self._exchange = venue.exchange.value
        self._breakers = breakers
        self._least_s = least_s

    def of(self, works: Works | None, now: int) -> Iterator[Sample]:
        """Tell how it stands at `now`, in ns; without `works` the feed has not begun or rests."""
        venue = self._venue
        tally = works.desks.tally if works else self.counts
        yield from (metric.of(tally[name], venue, *more) for name, metric, more in _COUNTS)
        for endpoint, breaker in self._breakers.items():
            yield told.BREAKER.of(_STATES[breaker.state], venue, endpoint)
            yield told.BREAKER_TRIPS.of(breaker.trips, venue, endpoint)
        if works:
            yield from self._now(works, now)

    def _now(self, works: Works, now: int) -> Iterator[Sample]:
        venue, desks = self._venue, works.desks.values()
        yield told.SYMBOLS.of(len(works.rulers[0]), venue)
        yield told.OWNED.of(len(works.rulers[0]), "collect")
        yield told.OPEN_GAPS.of(works.backfill.waiting, venue)
        yield told.BOOKS.of(len(desks), venue)
        yield told.BOOKS_SYNCED.of(sum(desk.leader is not None for desk in desks), venue)
        states = Counter(_state(session) for session in works.fleet.sessions)
        yield from (told.CONNECTED.of(states[state], venue, state) for state in _CONNECTION)
        delays = [desk.delay.largest for desk in desks if desk.delay.known]
        if delays:
            yield told.FEED_DELAY.of(max(delays) / NS_PER_S, venue)
        for desk in desks:
            yield from self._streams(desk, now)

    def _streams(self, desk: Desk, now: int) -> Iterator[Sample]:
        market = self._exchange, self._venue, desk.symbol
        for kind, name, metric in _STREAMS:
            heard = desk.heard.get(kind)
            if heard is None:
                # A rate cannot be told from a series that begins above nothing.
                yield metric.of(0, *market)
                continue
            yield told.STREAM_AGE.of(max(0, now - heard) / NS_PER_S, *market, name)
            limit = desk.rhythms[kind].limit_s(self._least_s)
            yield told.STREAM_PATIENCE.of(limit, *market, name)


def _state(session: Session) -> str:
    """Return whether data comes over a connection, or nothing yet, or there is none."""
    if session.live:
        return "open"
    return "silent" if session.connected else "closed"
