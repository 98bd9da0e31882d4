"""What the coverage ledger says of an answer: its gaps, and the share of its time that is complete.

Coverage is the share of the time from a range's start to its end, or to now where that is earlier,
which is proven complete or was repaired. Time before the first known trade of all, and after the
last one, is never proven: a live range therefore stays a little below 1. The share is rounded down
to six decimals, so 1 means complete. Where ids prove nothing, coverage is None and a reason tells
how much of the time a connection was unbroken, which is no proof.
"""

from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from cloud_marketdata.api.cuts import Reading
from cloud_marketdata.api.times import TimeRange
from cloud_marketdata.domain.coverage import (
    NOTHING_KNOWN,
    PROVEN,
    CoverageState,
    Covered,
    Interval,
    durations,
    partition,
)
from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.domain.quality import Gap, Quality
from cloud_marketdata.domain.values import NS_PER_MS, Venue

BEHIND: Final = "processing is behind: the newest logged trades are not inside yet"
NOT_BEGUN: Final = "the range has not begun"
NO_RANGE: Final = "a list of markets has no range to be complete in"
_GAPS: Final = (CoverageState.MISSING, CoverageState.UNKNOWN)
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
    known = reading.ledger.intervals(Covered.TRADES)
    as_of = max((part.span.last[0] for part in reading.parts if part.span), default=None)
    quality = judged(instrument.venue, reading.range, known, as_of, now)
    return replace(
        quality,
        late=sum(part.late for part in reading.parts),
        revision=sum(part.revision for part in reading.parts),
        reasons=(*quality.reasons, *reading.notes, *(() if reading.caught_up else (BEHIND,))),
    )


def judged(
    venue: Venue,
    answered: TimeRange,
    known: Sequence[Interval],
    as_of: int | None,
    now: int,
    covered: Covered = Covered.TRADES,
) -> Quality:
    """Judge a range by the intervals known of it; `as_of` is the newest match time inside."""
    quality = Quality(as_of, _age_ms(as_of, now), None, sources=(venue.value,))
    asked = TimeRange(answered.start, min(answered.end, now))
    if asked.start >= asked.end:
        return replace(quality, reasons=(NOT_BEGUN,))
    pieces = partition(known, *asked)
    proven = venue.contiguous_ids or covered is Covered.BOOK
    return replace(
        quality,
        coverage=share(pieces, asked, PROVEN) if proven else None,
        gaps=_gaps(known, pieces, asked),
        repaired=repaired_trades(known, asked),
        reasons=() if proven else (no_proof(venue), *_unbroken(pieces, asked)),
    )


def share(pieces: Sequence[Interval], of: TimeRange, states: Sequence[CoverageState]) -> float:
    """Return the share of a range that its pieces say to be in these states, rounded down."""
    lasting = durations(pieces)
    return sum(lasting[state] for state in states) * _MILLION // (of.end - of.start) / _MILLION


def repaired_trades(known: Sequence[Interval], asked: TimeRange) -> int:
    """Return how many trades of the intervals that touch a range were missing and are not."""
    return _trades(known, asked, CoverageState.REPAIRED)


def missing_trades(known: Sequence[Interval], asked: TimeRange) -> int:
    """Return how many trades of the intervals that touch a range are proven missing."""
    return _trades(known, asked, CoverageState.MISSING)


def _trades(known: Sequence[Interval], asked: TimeRange, state: CoverageState) -> int:
    return sum(i.trades or 0 for i in known if i.state is state and i.overlaps(*asked))


def _gaps(
    known: Sequence[Interval], pieces: Sequence[Interval], asked: TimeRange
) -> tuple[Gap, ...]:
    """Return the gaps that touch a range, whole, and the holes in between that nobody knows of."""
    first = min((one.start for one in known), default=0)
    last = max((one.end for one in known), default=0)
    found = [one for one in known if one.state in _GAPS and one.overlaps(*asked)]
    found += [
        piece
        for piece in pieces
        if piece.reason == NOTHING_KNOWN and first <= piece.start and piece.end <= last
    ]
    return tuple(_gap(one) for one in sorted(found, key=lambda one: (one.start, one.end)))


def _gap(one: Interval) -> Gap:
    missing = one.trades if one.state is CoverageState.MISSING else None
    after = None if one.low is None else one.low - 1
    before = None if one.high is None else one.high + 1
    return Gap(one.start, one.end, missing, after, before, one.reason)


def _unbroken(pieces: Sequence[Interval], asked: TimeRange) -> tuple[str, ...]:
    lasting = share(pieces, asked, (CoverageState.UNBROKEN, *PROVEN))
    return (f"connected without a sign of loss for {lasting:.6f} of the time",) if lasting else ()


def _age_ms(as_of: int | None, now: int) -> int | None:
    return None if as_of is None else max(0, now - as_of) // NS_PER_MS
