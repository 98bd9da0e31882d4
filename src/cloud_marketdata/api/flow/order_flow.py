"""What an answer about order flow is made of: a page of bars, what lies before it, what was told.

The page is read as candles are. The lines before it give CVD its sum and divergence its past; of
the told minutes as many are read as the page has, at most those of a week.
"""

from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from cloud_marketdata.api.flow.gaps import Known, read_gaps
from cloud_marketdata.api.flow.lines import Line, lines_of
from cloud_marketdata.api.flow.past import Base, Lead, read_base, read_lead
from cloud_marketdata.api.tiles import TileReader
from cloud_marketdata.api.times import TimeRange, iso
from cloud_marketdata.domain.aggregate import Aggregate
from cloud_marketdata.domain.flow import FlowMinute
from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.domain.signal import Subject
from cloud_marketdata.domain.values import Timeframe
from cloud_marketdata.processing.metrics.cvd import Gaps, Policy, Reset
from cloud_marketdata.processing.metrics.divergence import LENGTH
from cloud_marketdata.storage.ports import Stores

MOST_MINUTES: Final = 7 * 24 * 60


class Asked(Struct, frozen=True):
    """The bars of a page and how they are to be summed."""

    instrument: Instrument
    timeframe: Timeframe
    page: TimeRange
    bars: list[Aggregate]
    reset: Reset
    lateness: int


class Flow(Struct, frozen=True):
    """The lines of a page, what is known of gaps since the reset, and what must be told of both."""

    lines: list[Line]
    known: Known
    notes: tuple[str, ...]


async def read_flow(reader: TileReader, stores: Stores, asked: Asked, now: int) -> Flow:
    """Sum the deltas of a page's bars from the reset, or from the last gap since it."""
    frame, reset, start = asked.timeframe, asked.reset, asked.page.start
    count = max(LENGTH, reset.length // frame.ns)
    lead = await read_lead(reader, start, frame, count, asked.lateness)
    origin = max(0, min(reset.of(start, start + frame.ns), lead.range.start))
    known = await read_gaps(stores, asked.instrument, TimeRange(origin, asked.page.end), now)
    gaps = Gaps(known.gaps, frame)
    base = await _base(reader, lead, reset, gaps)
    bars = [*lead.bars, *asked.bars]
    if reset.policy is Policy.NONE:
        reset = replace(reset, anchor=_beginning([*base.parts, *bars], known))
    lines = lines_of(base.parts, max(base.range.start, reset.anchor), bars, reset, gaps)
    notes = (*base.notes, *_shortened(asked, lead))
    return Flow([line for line in lines if line.part.start >= start], known, notes)


async def read_minutes(stores: Stores, asked: Asked) -> tuple[list[FlowMinute], tuple[str, ...]]:
    """Return the told minutes of a page, and what must be said of those that were not read."""
    if not asked.bars or asked.timeframe.ns < Timeframe.M1.ns:
        return [], ()
    first, end = asked.bars[0].start, asked.bars[-1].end
    start = max(first, asked.timeframe.floor(end - MOST_MINUTES * Timeframe.M1.ns))
    subject = Subject.market(asked.instrument.venue, asked.instrument.symbol)
    notes = () if start == first else (f"measures are read from {iso(start)} on",)
    return await stores.flow.minutes(subject, start, end), notes


async def _base(reader: TileReader, lead: Lead, reset: Reset, gaps: Gaps) -> Base:
    """Read what counts into the first line and lies before the lead."""
    before = lead.range.start
    since = max(reset.of(lead.range.end, lead.range.end + 1), gaps.last_break(before))
    if reset.policy is Policy.ROLLING or since >= before:
        return Base(TimeRange(before, before), [])
    return await read_base(reader, TimeRange(since, before))


def _shortened(asked: Asked, lead: Lead) -> tuple[str, ...]:
    """Say where a rolling sum cannot reach as far back as it should."""
    since = lead.range.start
    if asked.page.start - asked.reset.length >= since:
        return ()
    return (f"rolling sums hold nothing before {iso(since)}, where bars are no longer kept",)


def _beginning(parts: list[Aggregate], known: Known) -> int:
    """Return from when anything is known at all."""
    times = [part.span.first[0] for part in parts if part.span]
    return min([*times, *([] if known.since is None else [known.since])], default=0)
