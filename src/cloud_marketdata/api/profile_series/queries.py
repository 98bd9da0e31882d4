"""One method per question about profiles in the course of time, free of HTTP."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from msgspec.structs import replace

from cloud_marketdata.api.cuts import Reading
from cloud_marketdata.api.figures import price_text
from cloud_marketdata.api.known import KnownMarkets
from cloud_marketdata.api.metas import meta_of_reading
from cloud_marketdata.api.profile_series.closed import Traded, read_closed
from cloud_marketdata.api.profile_series.controls import (
    control_of,
    control_out,
    sessions_of,
    totals_of,
)
from cloud_marketdata.api.profile_series.growth import developing_data, read_growth
from cloud_marketdata.api.profile_series.passing import Passing, hours_since
from cloud_marketdata.api.profile_series.questions import DevelopingQuestion, NakedQuestion
from cloud_marketdata.api.profile_series.schemas import (
    DevelopingAnswer,
    Naked,
    NakedAnswer,
    NakedControl,
)
from cloud_marketdata.api.profiles import row_ticks_of
from cloud_marketdata.api.stitching import read_rows
from cloud_marketdata.api.tiles import TileReader
from cloud_marketdata.api.times import TimeRange
from cloud_marketdata.api.units import units_of
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.domain.aggregate import Aggregate, combined
from cloud_marketdata.domain.instrument import Instrument, Scale
from cloud_marketdata.domain.quality import Quality
from cloud_marketdata.domain.values import Timeframe, plain

_POC_TIE = "nearest the middle, then lower"


class ProfileSeriesQueries:
    """Answers questions about how profiles grew and what they left behind.

    known, reader, quality: how questions find their market, read its tape and judge what they read.
    """

    def __init__(
        self,
        clock: Clock,
        known: KnownMarkets,
        reader: Callable[[Instrument], TileReader],
        quality: Callable[[Instrument, Reading], Awaitable[Quality]],
    ) -> None:
        self._clock = clock
        self._known = known
        self._reader = reader
        self._quality = quality

    async def developing(self, question: DevelopingQuestion) -> DevelopingAnswer:
        """Return the point of control and the value area of a growing profile."""
        instrument = await self._known.find(question)
        reading = await read_growth(self._reader(instrument), question, self._clock.now())
        # Many rows in many steps take seconds, in which others want their answers too.
        data = await asyncio.to_thread(developing_data, instrument, reading.parts, question)
        quality = await self._quality(instrument, reading)
        meta = meta_of_reading(quality, reading, _developing_method(question, data.row_ticks))
        return DevelopingAnswer(data=data, meta=meta)

    async def naked(self, question: NakedQuestion) -> NakedAnswer:
        """Return the points of control of closed sessions, and whether they were filled."""
        instrument = await self._known.find(question)
        now = self._clock.now()
        sessions = sessions_of(question, now)
        reader = self._reader(instrument)
        traded, notes = await read_closed(reader, sessions)
        since = traded[0].session.start if traded else sessions[-1].start
        reading = await read_rows(reader, TimeRange(since, now), exact=False)
        reading = replace(reading, notes=(*reading.notes, *notes))
        bars = await hours_since(reader, traded[0].session.end, now) if traded else []
        scale = _scale(instrument, [*reading.parts, *bars, *(one.whole for one in traded)])
        whole = combined(reading.parts, Timeframe.D1, 0) or Aggregate(instrument, Timeframe.D1, 0)
        width = row_ticks_of(whole.profile.rescaled(scale), question.row_ticks)
        passing = Passing(reader, scale, width, question.rule)
        controls = [await _control(passing, one, bars, (scale, width)) for one in traded]
        quality = await self._quality(instrument, reading)
        meta = meta_of_reading(quality, reading, _naked_method(question, width), closed=False)
        return NakedAnswer(data=_data(instrument, question, (scale, width), controls), meta=meta)


def _developing_method(question: DevelopingQuestion, row_ticks: int) -> dict[str, str | int]:
    return {
        "va": question.va_method,
        "va_pct": plain(question.va_pct),
        "row_ticks": row_ticks,
        "poc_tie": _POC_TIE,
        "step": question.step,
        "steps": "profile since the range's start, at each bar's end; changes only",
    }


def _naked_method(question: NakedQuestion, row_ticks: int) -> dict[str, str | int]:
    return {
        "session": question.session,
        "look_back": question.look_back,
        "rule": question.rule,
        "row_ticks": row_ticks,
        "poc_tie": _POC_TIE,
    }


def _scale(instrument: Instrument, parts: Sequence[Aggregate]) -> Scale:
    scale = instrument.scale
    for part in parts:
        scale = scale.meet(part.scale)
    return scale


async def _control(
    passing: Passing, traded: Traded, bars: Sequence[Aggregate], grid: tuple[Scale, int]
) -> NakedControl:
    totals = totals_of(traded, *grid)
    control = control_of(traded, totals, *grid)
    after = [bar for bar in bars if bar.start >= traded.session.end]
    filled = await passing.filled(control, after)
    return control_out(traded, (control.row, totals[control.row]), grid, filled)


def _data(
    instrument: Instrument,
    question: NakedQuestion,
    grid: tuple[Scale, int],
    controls: list[NakedControl],
) -> Naked:
    scale, width = grid
    units = units_of(instrument.symbol)
    return Naked(
        venue=instrument.venue.value,
        symbol=instrument.symbol,
        unit=units.base,
        quote_unit=units.quote,
        tick=plain(scale.tick),
        row_ticks=width,
        row_size=price_text(scale, width),
        session=question.session,
        controls=controls,
    )
