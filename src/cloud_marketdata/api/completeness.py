"""What the trade ids prove about a range: its holes, and the share of its time that is complete.

Coverage is the share of the time from a range's start to its end, or to now where that is earlier,
in which no trade can be missing. Where ids grow by one, that is the time between the first and the
last known trade, less the gaps; the nearest known trades outside the range count as known, so an
edge is proven by the trade beyond it. Time before the first known trade of all, and after the last
one, is never proven: a live range therefore stays a little below 1. The share is rounded down to
six decimals, so 1 means complete. Where ids prove nothing, coverage is None and a reason is given.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final

from msgspec.structs import replace

from cloud_marketdata.api.cuts import Reading
from cloud_marketdata.api.times import TimeRange
from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.domain.quality import Gap, Quality
from cloud_marketdata.domain.tape import TapeSpan
from cloud_marketdata.domain.values import NS_PER_MS, Venue

BEHIND: Final = "processing is behind: the newest logged trades are not inside yet"
NOT_BEGUN: Final = "the range has not begun"
NO_RANGE: Final = "a list of markets has no range to be complete in"
_MILLION: Final = 1_000_000


def no_proof(venue: Venue) -> str:
    """Say why a venue's tape cannot be proven complete."""
    return f"trade ids of {venue} do not grow by one, so a lost trade leaves no trace"


def listed(newest_ms: int | None, sources: tuple[str, ...], now: int) -> Quality:
    """Judge a list of markets: it has an age, but no range that could be complete."""
    as_of = None if newest_ms is None else newest_ms * NS_PER_MS
    return Quality(as_of, _age_ms(as_of, now), None, sources=sources, reasons=(NO_RANGE,))


def quality_of(instrument: Instrument, reading: Reading, now: int) -> Quality:
    """Judge a reading at the moment `now`."""
    inside = [part.span for part in reading.parts if part.span]
    beyond = [part.span for part in (reading.before, reading.after) if part and part.span]
    quality = judged(instrument.venue, reading.range, inside, beyond, now)
    return replace(
        quality,
        late=sum(part.late for part in reading.parts),
        revision=sum(part.revision for part in reading.parts),
        reasons=quality.reasons if reading.caught_up else (*quality.reasons, BEHIND),
    )


def judged(
    venue: Venue,
    answered: TimeRange,
    inside: Sequence[TapeSpan],
    beyond: Sequence[TapeSpan],
    now: int,
) -> Quality:
    """Judge the spans of a range by the ids in them; `beyond` are known spans outside of it."""
    as_of = max((span.last[0] for span in inside), default=None)
    asked = TimeRange(answered.start, min(answered.end, now))
    coverage: float | None = None
    gaps: tuple[Gap, ...] = ()
    reasons: tuple[str, ...] = ()
    if not venue.contiguous_ids:
        reasons = (no_proof(venue),)
    elif asked.start >= asked.end:
        reasons = (NOT_BEGUN,)
    else:
        found = holes((*inside, *beyond))
        gaps = tuple(gap for gap in found if gap.start < asked.end and gap.end > asked.start)
        coverage = _share(asked, (*inside, *beyond), gaps)
    return Quality(
        as_of=as_of,
        staleness_ms=_age_ms(as_of, now),
        coverage=coverage,
        gaps=gaps,
        sources=(venue.value,),
        reasons=reasons,
    )


def holes(spans: Iterable[TapeSpan]) -> list[Gap]:
    """Return the holes in the ids of spans, ascending.

    Spans whose ids overlap are taken as one, because ids need not be in the order of time.
    """
    clusters: list[TapeSpan] = []
    for span in sorted(spans, key=lambda span: span.low):
        if clusters and span.low <= clusters[-1].high:
            clusters[-1] = clusters[-1].merged(span)
        else:
            clusters.append(span)
    found = [_gap(one, one, one.missing) for one in clusters]
    found += [_gap(one, two, two.low - one.high - 1) for one, two in pairwise(clusters)]
    return sorted((gap for gap in found if gap.missing), key=lambda gap: (gap.start, gap.end))


def _gap(one: TapeSpan, two: TapeSpan, missing: int) -> Gap:
    """Return the hole inside one span, or between two."""
    first, last = (one.first, one.last) if one is two else (one.last, two.first)
    ids = (one.low, one.high) if one is two else (one.high, two.low)
    start, end = sorted((first[0], last[0]))
    return Gap(start, end + NS_PER_MS, missing, *ids)


def _age_ms(as_of: int | None, now: int) -> int | None:
    return None if as_of is None else max(0, now - as_of) // NS_PER_MS


def _share(asked: TimeRange, spans: Sequence[TapeSpan], gaps: Sequence[Gap]) -> float:
    if not spans:
        return 0.0
    first = min(span.first[0] for span in spans)
    last = max(span.last[0] for span in spans) + NS_PER_MS
    unproven = [(0, first), *((gap.start, gap.end) for gap in gaps), (last, asked.end)]
    at, lost = asked.start, 0
    for start, end in sorted(unproven):
        low, high = max(at, start), min(end, asked.end)
        if low < high:
            lost, at = lost + high - low, high
    length = asked.end - asked.start
    return (length - lost) * _MILLION // length / _MILLION
