"""Coverage ledgers in memory; rows are immutable and can be handed out as they are."""

from cloud_marketdata.domain.coverage import Covered
from cloud_marketdata.domain.sheet import Changes, Kept, Marks, Row
from cloud_marketdata.domain.values import Venue

_Market = tuple[Venue, str]


class MemoryCoverage:
    """CoverageRepository in memory."""

    def __init__(self) -> None:
        self._marks: dict[_Market, Marks] = {}
        self._rows: dict[_Market, dict[str, Row]] = {}

    def take(self, changes: Changes) -> None:
        """Store changes, unless they were made from less of the log than what is stored."""
        market = (changes.venue, changes.symbol)
        if changes.marks.behind(self._marks.get(market, Marks())):
            return
        rows = self._rows.setdefault(market, {})
        for key in changes.gone:
            rows.pop(key, None)
        rows.update({row.key: row for row in changes.rows})
        self._marks[market] = changes.marks

    def highest(self) -> int:
        """Return the highest log position inside any ledger, or 0."""
        return max((max(m.trades, m.status) for m in self._marks.values()), default=0)

    async def find(
        self, venue: Venue, symbol: str, start: int, end: int, covered: Covered | None = None
    ) -> Kept:
        """Return the marks of a market, the rows that touch the range, and every open row."""
        market = (venue, symbol)
        rows = [
            row
            for row in self._rows.get(market, {}).values()
            if (row.open or (row.end > start and row.start < end))
            and covered in {None, row.covered}
        ]
        return Kept(self._marks.get(market, Marks()), tuple(rows))
