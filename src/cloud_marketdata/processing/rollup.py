"""Closed minutes into hours, closed hours into days: exact sums, saved together with their parts.

Only what the watermark has wholly passed is summed. A late trade makes its hour and its day new.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final

from cloud_marketdata.domain.aggregate import Aggregate, combined
from cloud_marketdata.domain.values import Timeframe, Venue
from cloud_marketdata.storage.ports import AggregateRepository

_AGAIN: Final = 8
_STEPS: Final = ((Timeframe.M1, Timeframe.H1), (Timeframe.H1, Timeframe.D1))


class Rollup:
    """Knows up to where the hours and days of one instrument are summed."""

    def __init__(
        self,
        venue: Venue,
        symbol: str,
        aggregates: AggregateRepository,
        day_closed: Callable[[Aggregate], Awaitable[None]],
    ) -> None:
        self._venue = venue
        self._symbol = symbol
        self._aggregates = aggregates
        self._day_closed = day_closed
        self._done = dict.fromkeys((Timeframe.H1, Timeframe.D1), 0)

    async def restore(self) -> None:
        """Find where the stored sums end, or where the stored parts begin."""
        for part, whole in _STEPS:
            summed = await self._aggregates.bounds(self._venue, self._symbol, whole)
            first = await self._aggregates.bounds(self._venue, self._symbol, part)
            if summed:
                self._done[whole] = summed[1] + whole.ns
            elif first:
                self._done[whole] = whole.floor(first[0])
        await self._hand_on_again()

    async def _hand_on_again(self) -> None:
        """Hand on the newest stored days: a kill may have come between their save and that."""
        until = self._done[Timeframe.D1]
        for day in await self._find(Timeframe.D1, until - _AGAIN * Timeframe.D1.ns, until):
            await self._day_closed(day)

    async def due(self, changed: Sequence[Aggregate], watermark: int) -> list[Aggregate]:
        """Return the hours and days to store along with these changed buckets."""
        fresh = list(changed)
        rolled: list[Aggregate] = []
        for part, whole in _STEPS:
            parts = [item for item in fresh if item.timeframe is part]
            wholes = await self._roll(part, whole, parts, watermark)
            rolled += wholes
            fresh += wholes
        return rolled

    async def saved(self, rolled: Iterable[Aggregate]) -> None:
        """Advance behind what is stored now, and hand closed days on to the cold tier."""
        for item in rolled:
            self._done[item.timeframe] = max(self._done[item.timeframe], item.end)
            if item.timeframe is Timeframe.D1:
                await self._day_closed(item)

    async def _roll(
        self, part: Timeframe, whole: Timeframe, fresh: list[Aggregate], watermark: int
    ) -> list[Aggregate]:
        until = whole.floor(watermark)
        done = self._done[whole]
        starts = {whole.floor(item.start) for item in fresh if item.end <= until}
        if until > done:
            stored = await self._find(part, done, until)
            starts |= {whole.floor(item.start) for item in stored}
        return [await self._sum(part, whole, start, fresh) for start in sorted(starts)]

    async def _sum(
        self, part: Timeframe, whole: Timeframe, start: int, fresh: list[Aggregate]
    ) -> Aggregate:
        parts = {item.start: item for item in await self._find(part, start, start + whole.ns)}
        parts |= {item.start: item for item in fresh if start <= item.start < start + whole.ns}
        total = combined(parts.values(), whole, start)
        assert total is not None, "a bucket is summed because it has parts"
        return total

    async def _find(self, timeframe: Timeframe, start: int, end: int) -> list[Aggregate]:
        return await self._aggregates.find_by_range(
            self._venue, self._symbol, timeframe, start, end
        )
