"""Answers what detectors told of a market or of a pair of them, in pages.

The range is one of `detected`: a signal is where the tape showed it, not where it began.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final, NamedTuple

from cloud_marketdata.api.known import KnownMarkets
from cloud_marketdata.api.metas import meta_of
from cloud_marketdata.api.signals.pages import (
    Place,
    Wanted,
    checked_limit,
    cursor_of,
    place_of,
    read_page,
)
from cloud_marketdata.api.signals.questions import (
    AnomaliesParams,
    AnomaliesQuestion,
    PairAnomaliesQuestion,
)
from cloud_marketdata.api.signals.schemas import Anomalies, AnomaliesAnswer, Anomaly
from cloud_marketdata.api.signals.watching import watch_out, watch_quality
from cloud_marketdata.api.times import TimeRange, asked_range
from cloud_marketdata.api.units import units_of
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.errors import BadRequestError, UnknownMarketError
from cloud_marketdata.domain.signal import Subject
from cloud_marketdata.domain.values import NS_PER_MS, Timeframe, Venue
from cloud_marketdata.storage.flow_ports import FlowRepository

LONGEST: Final = timedelta(days=366)
_PAIR: Final = 2
_NAMED: Final = 20


class Detectors(NamedTuple):
    """The versions of what is detected here, by name: of markets and of pairs."""

    markets: Mapping[str, int]
    pairs: Mapping[str, int]


NO_DETECTORS: Final = Detectors({}, {})


class SignalDesk:
    """Answers about anomalies; `detectors` are named in the method of every answer."""

    def __init__(
        self, flow: FlowRepository, known: KnownMarkets, clock: Clock, detectors: Detectors
    ) -> None:
        self._flow = flow
        self._known = known
        self._clock = clock
        self._detectors = detectors
        self._seen: set[Subject] = set()

    async def market(self, question: AnomaliesQuestion) -> AnomaliesAnswer:
        """Return a page of a market's anomalies.

        Raises UnknownMarketError, BadTimeError, LimitError, BadRequestError or BadCursorError.
        """
        instrument = await self._known.find(question)
        subject = Subject.market(instrument.venue, instrument.symbol)
        return await self._answer(subject, question, self._detectors.markets)

    async def pair(self, question: PairAnomaliesQuestion) -> AnomaliesAnswer:
        """Return a page of the anomalies between two venues; raises as `market` does."""
        subject = Subject.pair(*_venues(question.venues), question.symbol)
        # A pair that was there once is there for ever, and the list is asked of every shard.
        if subject not in self._seen:
            self._seen.update(await self._flow.subjects())
        if subject not in self._seen:
            known = sorted(self._seen)
            pairs = [f"{one.scope}/{one.symbol}" for one in known if "+" in one.scope][:_NAMED]
            there = ", ".join(pairs) or "no pair yet"
            msg = f"{subject.scope}/{question.symbol[:40]} is not compared here; there is {there}"
            raise UnknownMarketError(msg)
        return await self._answer(subject, question, self._detectors.pairs)

    async def _answer(
        self, subject: Subject, asked: AnomaliesParams, detectors: Mapping[str, int]
    ) -> AnomaliesAnswer:
        wanted, limit = Wanted.of(asked), checked_limit(asked.limit)
        now, identity = self._clock.now(), wanted.identity(subject)
        place = _place(asked, identity, now)
        page = await read_page(self._flow, subject, place, wanted, limit)
        # What the page showed last lies inside of what it answers.
        end = page.rest.range.start + NS_PER_MS if page.rest else place.range.end
        answered = TimeRange(place.range.start, min(end, place.range.end))
        watched = await self._flow.watched(subject, *answered.widened(Timeframe.M1))
        units = units_of(subject.symbol)
        sources = tuple(subject.scope.split("+"))
        return AnomaliesAnswer(
            data=Anomalies(
                scope=subject.scope,
                symbol=subject.symbol,
                unit=units.base,
                quote_unit=units.quote,
                watch=watch_out(watched, answered),
                anomalies=[Anomaly.of(signal) for signal in page.signals],
            ),
            meta=meta_of(
                watch_quality(watched, answered, page.signals, now, sources),
                method={"range": "detected", **detectors},
                answered=answered,
                next_cursor=cursor_of(page, identity),
            ),
        )


def _place(asked: AnomaliesParams, identity: str, now: int) -> Place:
    if asked.cursor:
        return place_of(asked.cursor, identity)
    return Place(asked_range(asked.start, asked.end, now, longest=LONGEST))


def _venues(given: str) -> tuple[Venue, Venue]:
    names = [name.strip() for name in given.split(",")]
    if len(set(names)) != _PAIR or len(names) != _PAIR or not set(names) <= set(Venue):
        msg = f"venues must be two of {', '.join(Venue)}, by comma"
        raise BadRequestError(msg)
    first, second = map(Venue, names)
    return first, second
