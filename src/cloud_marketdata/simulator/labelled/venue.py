"""The frames of a labelled venue: the crowd trades, the plan is carried out, the post delivers.

The same venue, listing, spec, seed and start give the same bytes and the same truth. Venues of one
seed and start hear the same news, each with the delay of its own spec.
"""

from collections.abc import Callable, Iterator
from random import Random

from cloud_marketdata.domain.signal import SignalKind
from cloud_marketdata.domain.values import NS_PER_MS, NS_PER_S, Exchange, Venue
from cloud_marketdata.simulator.capture import Frame
from cloud_marketdata.simulator.labelled.chance import Chance
from cloud_marketdata.simulator.labelled.crowd import crowd
from cloud_marketdata.simulator.labelled.fair import walk
from cloud_marketdata.simulator.labelled.market import LedMarket
from cloud_marketdata.simulator.labelled.plants import RECIPES, plantable
from cloud_marketdata.simulator.labelled.post import Post
from cloud_marketdata.simulator.labelled.session import Process, Session
from cloud_marketdata.simulator.labelled.spec import Spec, source_of
from cloud_marketdata.simulator.labelled.truth import Truth
from cloud_marketdata.simulator.labelled.visits import Visits
from cloud_marketdata.simulator.listing import Listing
from cloud_marketdata.simulator.market import MarketEvent
from cloud_marketdata.simulator.wire_binance import BinanceScribe
from cloud_marketdata.simulator.wire_bybit import BybitScribe

Planting = tuple[SignalKind, int]
Keep = Callable[[Truth], None]


class LabelledVenue:
    """One symbol's frames without end; `done` is True once the plan has been carried out once.

    keep: is given every truth, as soon as its event is over.
    """

    def __init__(
        self, venue: Venue, listing: Listing, spec: Spec, seed: int, start_ns: int, keep: Keep
    ) -> None:
        self.done = False
        self._start = start_ns
        self._keep = keep
        self._chance = Chance()
        self._visits = Visits()
        market = LedMarket(source_of(seed, f"{venue}/market"), listing, start_ns)
        wire = source_of(seed, f"{venue}/wire")
        bybit = venue.exchange is Exchange.BYBIT
        self._scribe = BybitScribe(venue, market, wire) if bybit else BinanceScribe(venue, market)
        post = Post(self._scribe, source_of(seed, f"{venue}/post"))
        self.session = Session(market, post, source_of(seed, f"{venue}/crowd"))
        crowd(self.session, walk(seed, start_ns), spec.lag_ms * NS_PER_MS)
        plan = _plan(venue, spec, source_of(seed, f"{venue}/plan"))
        pauses = source_of(seed, f"{venue}/pauses")
        self.session.begin(self._direct(plan, spec, pauses), spec.warm_s * NS_PER_S)

    def __iter__(self) -> Iterator[Frame]:
        session = self.session
        yield from session.post.opening(self._start)
        for event in session.events():
            yield from session.post.deliver(event)
            session.truths += self._by_chance(event)
            while session.truths:
                self._keep(session.truths.pop(0))

    def whole_book(self) -> list[bytes]:
        """Write the book of now, as a venue answers who has lost it."""
        return list(self._scribe.opening())

    def _by_chance(self, event: MarketEvent) -> Iterator[Truth]:
        time = event.time + self.session.post.skew
        if event.fills:
            yield from self._chance.order(time, event.fills)
        yield from self._visits.event(time, event)

    def _direct(self, plan: list[Planting], spec: Spec, random: Random) -> Process:
        while plan:
            for kind, size in plan:
                yield from RECIPES[kind].act(self.session, size)
                yield round(random.uniform(1, 2) * spec.pause_s * NS_PER_S)
            self.done = True
            yield spec.pause_s * NS_PER_S


def _plan(venue: Venue, spec: Spec, random: Random) -> list[Planting]:
    """Return every size of every kind, so many times, in a seeded order."""
    plan = plantable(venue, spec.kinds) * spec.rounds
    random.shuffle(plan)
    return plan
