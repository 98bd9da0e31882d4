"""Verdicts of reconciliation in memory; records are immutable and are handed out as they are."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from cloud_marketdata.domain.reconciled import Reconciled, Verdict
from cloud_marketdata.domain.values import Venue


class MemoryReconciliations:
    """ReconciliationRepository in memory."""

    def __init__(self) -> None:
        self._markets: defaultdict[tuple[Venue, str], dict[int, Reconciled]] = defaultdict(dict)

    async def save(self, records: Sequence[Reconciled]) -> None:
        """Store each of them, unless one with a higher revision is there."""
        for record in records:
            minutes = self._markets[record.venue, record.symbol]
            stored = minutes.get(record.start)
            if stored is None or stored.revision <= record.revision:
                minutes[record.start] = record

    async def find(self, venue: Venue, symbol: str, start: int, end: int) -> list[Reconciled]:
        """Return the records of minutes with start <= their start < end, ascending."""
        minutes = self._markets.get((venue, symbol), {})
        return [minutes[at] for at in sorted(minutes) if start <= at < end]

    async def tally(self, venue: Venue, symbol: str, start: int, end: int) -> Mapping[Verdict, int]:
        """Count the minutes of a range by verdict."""
        return Counter(one.verdict for one in await self.find(venue, symbol, start, end))

    async def forget(self, venue: Venue, symbol: str, before: int) -> int:
        """Remove the records of minutes that start before `before`; return how many."""
        minutes = self._markets.get((venue, symbol), {})
        gone = [at for at in minutes if at < before]
        for at in gone:
            del minutes[at]
        return len(gone)
