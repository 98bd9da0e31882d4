"""One method per question about several venues, over the stores' ports and free of HTTP.

Every venue is read as it would be read alone, and judged alone; the whole is their exact sum and
as good as the worst of them.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Final

from msgspec.structs import replace

from cloud_marketdata.api.composite.bars import (
    LONGEST_MINUTES,
    Venues,
    read_past,
    read_venue_bars,
    reset_of,
)
from cloud_marketdata.api.composite.flow_answers import bars_notes, composite_flow, flow_method
from cloud_marketdata.api.composite.flows import imbalances, together
from cloud_marketdata.api.composite.leads import METHOD, lead_lag
from cloud_marketdata.api.composite.profiles import composite_profile
from cloud_marketdata.api.composite.qualities import worst
from cloud_marketdata.api.composite.questions import (
    CompositeFlowQuestion,
    CompositeProfileQuestion,
    LeadLagQuestion,
    venues_of,
)
from cloud_marketdata.api.composite.reading import (
    pieces_of_all,
    read_together,
    resolutions_of_all,
    widened_words,
)
from cloud_marketdata.api.composite.schemas import (
    CompositeFlowAnswer,
    CompositeProfileAnswer,
    LeadLagAnswer,
)
from cloud_marketdata.api.cuts import Reading
from cloud_marketdata.api.known import KnownMarkets
from cloud_marketdata.api.metas import meta_of
from cloud_marketdata.api.questions import MarketQuestion
from cloud_marketdata.api.tiles import TileReader
from cloud_marketdata.api.times import TimeRange, asked_range
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.errors import BadRequestError
from cloud_marketdata.domain.flow import FlowMinute
from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.domain.quality import Quality
from cloud_marketdata.domain.signal import Subject
from cloud_marketdata.domain.values import NS_PER_MS, Timeframe, Venue
from cloud_marketdata.storage.ports import Stores

LONGEST: Final = timedelta(days=366)
LONGEST_LEAD: Final = timedelta(days=1)
UNTOLD: Final = "no minute of this pair has been told: like venues are compared, where both are run"
_BOTH: Final = 2


class CompositeQueries:
    """Answers questions about a symbol over several venues.

    known, reader, quality: how questions find their markets, read their tapes and judge them.
    """

    def __init__(
        self,
        stores: Stores,
        clock: Clock,
        known: KnownMarkets,
        reader: Callable[[Instrument], TileReader],
        quality: Callable[[Instrument, Reading], Awaitable[Quality]],
        lateness: int,
    ) -> None:
        self._stores = stores
        self._clock = clock
        self._known = known
        self._reader = reader
        self._quality = quality
        self._lateness = lateness

    async def volume_profile(self, question: CompositeProfileQuestion) -> CompositeProfileAnswer:
        """Return the volume by price of a range over all venues."""
        venues = await self._venues(question.venues, question.symbol)
        now = self._clock.now()
        asked = asked_range(question.start, question.end, now, longest=LONGEST)
        readings = await read_together(venues.readers, asked, exact=question.exact)
        qualities = await self._qualities(venues, readings)
        data, method = composite_profile(readings, venues.instruments, qualities, question)
        answered = next(iter(readings.values())).range
        parts = list(readings.values())
        quality = _noted(worst(qualities), widened_words(asked, answered, readings))
        meta = meta_of(
            quality,
            method=method,
            resolution=resolutions_of_all(parts),
            pieces=pieces_of_all(parts),
            answered=answered,
            settled=not any(reading.live for reading in parts),
        )
        return CompositeProfileAnswer(data=data, meta=meta)

    async def order_flow(self, question: CompositeFlowQuestion) -> CompositeFlowAnswer:
        """Return delta and CVD by bar over all venues."""
        venues = await self._venues(question.venues, question.symbol)
        now = self._clock.now()
        reset = reset_of(question)
        bars = await read_venue_bars(venues, question, now, self._lateness)
        frame = Timeframe(question.timeframe)
        past = await read_past(self._stores, venues, bars, frame, reset, now)
        scale, lines = together(bars.bars, past.base, past.since, reset, past.gaps)
        qualities = await self._qualities(venues, bars.readings)
        names = list(venues.instruments)
        minutes = await self._minutes(question.symbol, names, bars.range, frame)
        flows = imbalances(minutes, names, frame)
        scale = scale or next(iter(venues.instruments.values())).scale
        data = composite_flow(question, scale, lines, past, qualities, flows)
        parts = list(bars.readings.values())
        meta = meta_of(
            _noted(worst(qualities), bars_notes(bars, past)),
            method=flow_method(question),
            resolution=resolutions_of_all(parts),
            pieces=pieces_of_all(parts),
            answered=bars.range,
        )
        return CompositeFlowAnswer(data=data, meta=meta)

    async def lead_lag(self, question: LeadLagQuestion) -> LeadLagAnswer:
        """Return which of two venues moves first, and how far apart they are, by the minute."""
        venues = list((await self._venues(question.venues, question.symbol)).instruments)
        if len(venues) != _BOTH:
            msg = "lead and lag are between two venues; name two"
            raise BadRequestError(msg)
        now = self._clock.now()
        asked = asked_range(question.start, question.end, now, longest=LONGEST_LEAD)
        subject = Subject.pair(venues[0], venues[1], question.symbol)
        within = asked.widened(Timeframe.M1)
        minutes = await self._stores.flow.minutes(subject, *within)
        meta = meta_of(_pair_quality(venues, minutes, now), method=dict(METHOD), answered=within)
        return LeadLagAnswer(data=lead_lag(question.symbol, venues, minutes), meta=meta)

    async def _venues(self, named: str, symbol: str) -> Venues:
        found = {
            venue: await self._known.find(MarketQuestion(venue=venue.value, symbol=symbol))
            for venue in venues_of(named)
        }
        return Venues(found, {venue: self._reader(one) for venue, one in found.items()})

    async def _qualities(
        self, venues: Venues, readings: dict[Venue, Reading]
    ) -> dict[Venue, Quality]:
        return {
            venue: await self._quality(venues.instruments[venue], reading)
            for venue, reading in readings.items()
        }

    async def _minutes(
        self, symbol: str, venues: Sequence[Venue], within: TimeRange, frame: Timeframe
    ) -> list[FlowMinute]:
        """Return what a pair told of the bars; more than a week of it is not read."""
        if len(venues) != _BOTH or frame.ns < Timeframe.M1.ns:
            return []
        longest = LONGEST_MINUTES // timedelta(milliseconds=1) * NS_PER_MS
        start = max(within.start, frame.floor(within.end - longest))
        return await self._stores.flow.minutes(
            Subject.pair(venues[0], venues[1], symbol), start, within.end
        )


def _pair_quality(venues: Sequence[Venue], minutes: Sequence[FlowMinute], now: int) -> Quality:
    """Judge a pair's minutes: nothing proves them, but how long both books were fresh is known."""
    as_of = minutes[-1].start + Timeframe.M1.ns if minutes else None
    seen = sum(minute.book_ms for minute in minutes)
    fresh = f"both books were fresh for {seen} of {len(minutes) * 60_000} ms told"
    return Quality(
        as_of=as_of,
        staleness_ms=None if as_of is None else max(0, now - as_of) // NS_PER_MS,
        coverage=None,
        reconciled="unavailable",
        sources=tuple(venue.value for venue in venues),
        reasons=(fresh,) if minutes else (UNTOLD,),
    )


def _noted(quality: Quality, notes: tuple[str, ...]) -> Quality:
    return replace(quality, reasons=(*quality.reasons, *notes))
