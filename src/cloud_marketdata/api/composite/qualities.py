"""The quality of several venues' parts: of each, and the worst of all as that of the whole."""

from collections.abc import Mapping
from typing import Final

from cloud_marketdata.domain.quality import Quality
from cloud_marketdata.domain.reconciled import Verdict
from cloud_marketdata.domain.values import Venue

_WORST_FIRST: Final = (Verdict.MISMATCH, Verdict.UNAVAILABLE, Verdict.PENDING, Verdict.EXACT)
MIXED: Final = "spot and perpetuals are added up here; their prices differ by a basis"
_SPOT: Final = frozenset({Venue.BINANCE_SPOT, Venue.BYBIT_SPOT})


def worst(qualities: Mapping[Venue, Quality]) -> Quality:
    """Return the quality of the whole: every field as bad as that of its worst part.

    Gaps of all are inside; late, repaired and revisions are summed; each reason names its venue.
    """
    parts = list(qualities.values())
    newest = [part.as_of for part in parts]
    ages = [part.staleness_ms for part in parts]
    covered = [part.coverage for part in parts]
    verdicts = {part.reconciled for part in parts}
    reasons = [f"{venue}: {told}" for venue, part in qualities.items() for told in part.reasons]
    if len({venue in _SPOT for venue in qualities}) > 1:
        reasons.append(MIXED)
    return Quality(
        as_of=None if None in newest else min(time for time in newest if time is not None),
        staleness_ms=None if None in ages else max(age for age in ages if age is not None),
        coverage=None if None in covered else min(part for part in covered if part is not None),
        gaps=tuple(
            sorted(
                (gap for part in parts for gap in part.gaps), key=lambda gap: (gap.start, gap.end)
            )
        ),
        repaired=sum(part.repaired for part in parts),
        late=sum(part.late for part in parts),
        revision=sum(part.revision for part in parts),
        reconciled=next(verdict.value for verdict in _WORST_FIRST if verdict in verdicts),
        sources=tuple(venue.value for venue in qualities),
        reasons=tuple(reasons),
    )
