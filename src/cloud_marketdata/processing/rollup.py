"""Closed minutes into hours, closed hours into days: exact sums, saved together with their parts.

Only what the watermark has wholly passed is summed. A late trade makes its hour and its day new.
Nothing is summed again of which parts have been forgotten: the stored sum knows more by then.
"""

from collections.abc import Sequence
from typing import Final

import structlog

from cloud_marketdata.domain.aggregate import Aggregate, combined
from cloud_marketdata.domain.values import Timeframe, Venue
from cloud_marketdata.storage.ports import AggregateRepository

_STEPS: Final = ((Timeframe.M1, Timeframe.H1), (Timeframe.H1, Timeframe.D1))


class Rollup:
    """Knows up to where the hours and days of one instrument are summed, or have no parts.

    `refused` counts sums that were asked for although parts of them are gone; trades that are late
    for a forgotten minute are not folded, so each of them is a bug or somebody else's deletion.
    """

    def __init__(self, venue: Venue, symbol: str, aggregates: AggregateRepository) -> None:
        self.refused = 0
        self._venue = venue
        self._symbol = symbol
        self._aggregates = aggregates
        self._done = dict.fromkeys((Timeframe.H1, Timeframe.D1), 0)
        self._passed = dict(self._done)

    async def restore(self) -> int:
        """Find where the stored sums end; without one, everything that is stored is still due.

        Returns the end of the newest stored sum, which the watermark had passed, or 0.
        """
        passed = 0
        for _, whole in _STEPS:
            summed = await self._aggregates.bounds(self._venue, self._symbol, whole)
            if summed:
                self._done[whole] = self._passed[whole] = summed[1] + whole.ns
                passed = max(passed, self._done[whole])
        return passed

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

    def saved(self) -> None:
        """Advance behind what was due and is stored now, and behind what there was nothing of."""
        self._done |= self._passed

    async def _roll(
        self, part: Timeframe, whole: Timeframe, fresh: list[Aggregate], watermark: int
    ) -> list[Aggregate]:
        until = whole.floor(watermark)
        done = self._done[whole]
        starts = {whole.floor(item.start) for item in fresh if item.end <= until}
        if until > done:
            stored = await self._find(part, done, until)
            starts |= {whole.floor(item.start) for item in stored}
            self._passed[whole] = until
        summable = await self._summable(part, starts) if starts else []
        return [await self._sum(part, whole, start, fresh) for start in summable]

    async def _summable(self, part: Timeframe, starts: set[int]) -> list[int]:
        """Return the sums of which no part is forgotten, ascending."""
        horizon = await self._aggregates.horizon(self._venue, self._symbol, part)
        broken = sorted(start for start in starts if start < horizon)
        if broken:
            self.refused += len(broken)
            structlog.get_logger().error(
                "rollup.refused", venue=self._venue, symbol=self._symbol, part=part, starts=broken
            )
        return sorted(starts.difference(broken))

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
