"""The bars of several venues over the same time, and what lies before them since CVD's reset."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from cloud_marketdata.api.candle_pages import timeframe_of
from cloud_marketdata.api.candles import bars_of
from cloud_marketdata.api.composite.questions import RESETS, CompositeFlowQuestion
from cloud_marketdata.api.cuts import Reading
from cloud_marketdata.api.flow.gaps import Known, read_gaps
from cloud_marketdata.api.flow.past import Base, read_base
from cloud_marketdata.api.questions import MOST_CANDLES, CandlesQuestion
from cloud_marketdata.api.stitching import read_bars
from cloud_marketdata.api.tiles import TileReader
from cloud_marketdata.api.times import TimeRange, iso, parse_time
from cloud_marketdata.core.errors import BadRequestError, LimitError
from cloud_marketdata.domain.aggregate import Aggregate
from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.domain.values import Timeframe, Venue
from cloud_marketdata.processing.metrics.cvd import Gaps, Policy, Reset
from cloud_marketdata.storage.ports import Stores

LONGEST_MINUTES: Final = timedelta(days=7)


class Venues(Struct, frozen=True):
    """Several venues' markets of one symbol, and how to read them."""

    instruments: Mapping[Venue, Instrument]
    readers: Mapping[Venue, TileReader]


class Bars(Struct, frozen=True):
    """The bars of every venue in one range; notes: what must be told of it."""

    range: TimeRange
    readings: dict[Venue, Reading]
    bars: dict[Venue, list[Aggregate]]
    notes: tuple[str, ...] = ()


class Past(Struct, frozen=True):
    """What was traded from `since` up to the first bar, and where trades may be missing."""

    since: int
    base: dict[Venue, list[Aggregate]]
    known: dict[Venue, Known]
    gaps: Gaps
    notes: tuple[str, ...] = ()


async def read_venue_bars(
    venues: Venues, question: CompositeFlowQuestion, now: int, lateness: int
) -> Bars:
    """Read the bars of all venues; the time before the youngest first bar kept is left out.

    Raises LimitError on more bars than one answer holds, and what `read_bars` raises.
    """
    readings: dict[Venue, Reading] = {}
    for venue, reader in venues.readers.items():
        page, reading = await read_bars(reader, _of(question, venue), now)
        answered = page.answered(reading)
        if page.next(answered.range) is not None:
            msg = f"more than {MOST_CANDLES} bars; ask for longer bars or a shorter range"
            raise LimitError(msg)
        readings[venue] = answered
    start = max(reading.range.start for reading in readings.values())
    end = max(reading.range.end for reading in readings.values())
    notes = tuple(
        f"{venue} has bars from {iso(reading.range.start)} on, which others no longer have"
        for venue, reading in readings.items()
        if reading.range.start < start
    )
    frame = Timeframe(question.timeframe)
    bars = {
        venue: [part for part in bars_of(reading, frame, lateness) if part.start >= start]
        for venue, reading in readings.items()
    }
    within = TimeRange(start, end)
    cut = {venue: replace(one, range=within, parts=bars[venue]) for venue, one in readings.items()}
    return Bars(within, cut, bars, notes)


def reset_of(question: CompositeFlowQuestion) -> Reset:
    """Return the reset; an anchor counts from the start of the bar that holds it.

    Raises BadRequestError on parameters that do not belong together.
    """
    if question.reset not in RESETS:
        msg = f"reset must be one of {', '.join(RESETS)}"
        raise BadRequestError(msg)
    policy = Policy(question.reset)
    if (question.anchor is not None) != (policy is Policy.ANCHOR):
        msg = "anchor is a time that goes with reset=anchor, and reset=anchor needs it"
        raise BadRequestError(msg)
    if question.anchor is None:
        return Reset(policy)
    anchor = parse_time(question.anchor, "anchor")
    return Reset(policy, anchor=timeframe_of(question.timeframe).floor(anchor))


async def read_past(
    stores: Stores, venues: Venues, bars: Bars, frame: Timeframe, reset: Reset, now: int
) -> Past:
    """Read what CVD has summed before the first bar: since the reset, or the last gap of any."""
    start = bars.range.start
    origin = min(reset.of(start, start + frame.ns), start)
    within = TimeRange(origin, max(bars.range.end, origin + 1))
    known = {
        venue: await read_gaps(stores, instrument, within, now)
        for venue, instrument in venues.instruments.items()
    }
    gaps = Gaps([gap for one in known.values() for gap in one.gaps], frame)
    since = max(origin, gaps.last_break(start))
    if since >= start:
        return Past(start, {venue: [] for venue in known}, known, gaps)
    bases = await _bases(venues, TimeRange(since, start))
    begun = max(base.range.start for base in bases.values())
    if any(base.range.start != begun for base in bases.values()):
        # What can be cut differs; all sums begin where the last of them can.
        bases = await _bases(venues, TimeRange(begun, start))
    notes = tuple(dict.fromkeys(note for base in bases.values() for note in base.notes))
    return Past(begun, {venue: base.parts for venue, base in bases.items()}, known, gaps, notes)


async def _bases(venues: Venues, within: TimeRange) -> dict[Venue, Base]:
    return {venue: await read_base(reader, within) for venue, reader in venues.readers.items()}


def _of(question: CompositeFlowQuestion, venue: Venue) -> CandlesQuestion:
    return CandlesQuestion(
        venue=venue.value,
        symbol=question.symbol,
        start=question.start,
        end=question.end,
        timeframe=question.timeframe,
        limit=MOST_CANDLES,
        exact=question.exact,
    )
