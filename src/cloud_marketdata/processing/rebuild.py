"""Recomputes what is stored from what it was made of, and tells where the two differ.

Seconds and minutes from the raw trades of the log, hours from minutes, days from hours, and days of
the cold tier against those of the warm one. It changes nothing. On a running service buckets change
while they are read, so only what differs twice is a finding.
"""

from collections import Counter
from collections.abc import Collection
from typing import Final, NamedTuple

from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.domain.aggregate import Aggregate, combined
from cloud_marketdata.domain.values import Timeframe, Venue
from cloud_marketdata.processing.comparing import Field, Finding, Outcome, equal, finding
from cloud_marketdata.processing.refolding import Refolded
from cloud_marketdata.processing.windows import FOLDED, BucketKey
from cloud_marketdata.storage.ports import Stores

_SUMMED: Final = (Timeframe.H1, Timeframe.D1)
_SUMS: Final = ((Timeframe.M1, Timeframe.H1), (Timeframe.H1, Timeframe.D1))


class Scope(NamedTuple):
    """The buckets of a market that begin in [start, end), in ns."""

    venue: Venue
    symbol: str
    start: int = 0
    end: int = 1 << 62

    def holds(self, time: int) -> bool:
        """Whether a bucket that begins at `time` is asked for."""
        return self.start <= time < self.end


class Report:
    """How many aggregates of which tier and timeframe came out how, and each that differs."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, Timeframe, Outcome]] = Counter()
        self.findings: list[Finding] = []

    def uncovered(self, tier: str, timeframe: Timeframe) -> None:
        """Count one that can be recomputed no more."""
        self.counts[tier, timeframe, Outcome.UNCOVERED] += 1

    def take(
        self, stored: Aggregate | None, again: Aggregate | None, *, tier: str, source: str
    ) -> None:
        """Count one, and keep how it differs."""
        if equal(stored, again):
            assert stored is not None, "what is equal is there"
            self.counts[tier, stored.timeframe, Outcome.EQUAL] += 1
        else:
            self.refuse(finding(stored, again, tier=tier, source=source))

    def refuse(self, found: Finding) -> None:
        """Count one that differs."""
        self.counts[found.tier, found.timeframe, Outcome.DIFFERENT] += 1
        self.findings.append(found)


async def rebuild_all(
    stores: Stores, venue: Venue | None, symbol: str | None, start: int, end: int
) -> dict[Scope, Report]:
    """Recompute every market that is known, or those of a venue or symbol; times are in ns."""
    scopes = [
        Scope(one.venue, one.symbol, start, end)
        for one in await stores.instruments.all()
        if venue in {None, one.venue} and symbol in {None, one.symbol}
    ]
    return {scope: await rebuild(stores, scope) for scope in scopes}


async def rebuild(stores: Stores, scope: Scope) -> Report:
    """Recompute a market's aggregates; raises StorageError where hot or warm tier is away."""
    report = await _once(stores, scope)
    if report.findings:
        first = {_place(found) for found in report.findings}
        report = await _once(stores, scope)
        passing = [found for found in report.findings if _place(found) not in first]
        for found in passing:
            report.findings.remove(found)
            report.counts[found.tier, found.timeframe, Outcome.DIFFERENT] -= 1
            report.counts[found.tier, found.timeframe, Outcome.EQUAL] += 1
    return report


async def _once(stores: Stores, scope: Scope) -> Report:
    report = Report()
    await _raw(stores, scope, report)
    for part, whole in _SUMS:
        await _sums(stores, scope, part, whole, report)
    await _cold(stores, scope, report)
    return report


async def _raw(stores: Stores, scope: Scope, report: Report) -> None:
    """Hold seconds and minutes against the trades of the log."""
    inside = await stores.aggregates.position(scope.venue, scope.symbol)
    stored = {
        (timeframe, one.start): one
        for timeframe in FOLDED
        for one in await _find(stores, scope, timeframe)
        if one.span
    }
    refolded = Refolded({key: one.position for key, one in stored.items()}, inside)
    await refolded.read(stores.log, scope.venue, scope.symbol)
    for key, one in stored.items():
        again = refolded.buckets.get(key)
        if equal(one, again) or refolded.covers(one.start) or _trades(again) >= _trades(one):
            report.take(one, again, tier="warm", source="raw")
        else:
            report.uncovered("warm", one.timeframe)
    await _lost(stores, scope, refolded, stored.keys(), report)


async def _lost(
    stores: Stores, scope: Scope, refolded: Refolded, stored: Collection[BucketKey], report: Report
) -> None:
    """Tell of buckets that should be stored; a trade that came too late was left out by right."""
    horizon = stores.aggregates.horizon
    gone = [await horizon(scope.venue, scope.symbol, frame) for frame in (*FOLDED, *_SUMMED)]
    finest_first = sorted(refolded.buckets, key=lambda key: (key[0].ns, key[1]))
    for key in finest_first:
        again = refolded.buckets[key]
        before = max(gone) if key[0] is Timeframe.S1 else max(gone[1:])
        if key not in stored and again.end > before and scope.holds(again.start):
            report.take(None, again, tier="warm", source="raw")


async def _sums(
    stores: Stores, scope: Scope, part: Timeframe, whole: Timeframe, report: Report
) -> None:
    """Hold hours against minutes, or days against hours."""
    wholes = {one.start: one for one in await _find(stores, scope, whole)}
    parts: dict[int, list[Aggregate]] = {}
    wide = scope._replace(start=whole.floor(scope.start), end=min(scope.end + whole.ns, 1 << 62))
    for one in await _find(stores, wide, part):
        parts.setdefault(whole.floor(one.start), []).append(one)
    horizon = await stores.aggregates.horizon(scope.venue, scope.symbol, part)
    newest = max(wholes, default=0)
    for start in sorted({*wholes, *(at for at in parts if at < newest and scope.holds(at))}):
        if start < horizon:
            report.uncovered("warm", whole)
            continue
        again = combined(parts.get(start, ()), whole, start)
        report.take(wholes.get(start), again, tier="warm", source=part)


async def _cold(stores: Stores, scope: Scope, report: Report) -> None:
    """Hold the days of the cold tier against those that the warm one still has."""
    bounds = await stores.archive.bounds(scope.venue, scope.symbol)
    if bounds is None:
        return
    warm = {one.start: one for one in await _find(stores, scope, Timeframe.D1)}
    day = Timeframe.D1.ns
    first = max(bounds[0], -(-scope.start // day) * day)
    for start in range(first, min(bounds[1] + 1, scope.end), day):
        try:
            found = await stores.archive.find(scope.venue, scope.symbol, start, start + 1)
        except StorageError as error:
            report.refuse(_damaged(scope, start, error))
            continue
        for one in found:
            if start in warm:
                report.take(one, warm[start], tier="cold", source="1d")
            else:
                report.uncovered("cold", Timeframe.D1)


async def _find(stores: Stores, scope: Scope, timeframe: Timeframe) -> list[Aggregate]:
    return await stores.aggregates.find_by_range(
        scope.venue, scope.symbol, timeframe, scope.start, scope.end
    )


def _damaged(scope: Scope, start: int, error: StorageError) -> Finding:
    fields = {"object": Field(str(error), None)}
    return Finding(
        scope.venue, scope.symbol, Timeframe.D1, start, "cold", "1d", len(fields), fields
    )


def _trades(aggregate: Aggregate | None) -> int:
    return aggregate.span.trades if aggregate and aggregate.span else 0


def _place(found: Finding) -> tuple[str, Timeframe, int]:
    return found.tier, found.timeframe, found.start
