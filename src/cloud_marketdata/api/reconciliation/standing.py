"""One word for a whole range: what the venue's klines said of the minutes in it.

The worst minute decides: a mismatch before one that was unavailable, before one that is pending,
before exact. A minute counts where it touches the range, is over for longer than the lateness
allows, and is not older than the market's oldest minute here. A minute that is still open says
nothing; a range with no other is pending, and so is one whose verdicts cannot be read now.
"""

from typing import Final

from cloud_marketdata.api.times import TimeRange, ceiling
from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.domain.reconciled import Verdict
from cloud_marketdata.domain.values import Timeframe, Venue
from cloud_marketdata.storage.ports import Stores

_M1: Final = Timeframe.M1


async def standing(
    stores: Stores, market: tuple[Venue, str], answered: TimeRange, settled: int
) -> Verdict:
    """Return the verdict on a range; `settled` is the instant before which minutes are over."""
    start = _M1.floor(answered.start)
    end = min(ceiling(answered.end, _M1), _M1.floor(settled))
    if start >= end:
        return Verdict.PENDING
    try:
        found = await _worst(stores, market, start, end)
        if found is not Verdict.PENDING:
            return found
        # Time from before there was anything here has no verdicts, and wants none.
        bounds = await stores.aggregates.bounds(*market, _M1)
        if bounds is None or not start < bounds[0] < end:
            return Verdict.PENDING
        return await _worst(stores, market, bounds[0], end)
    except StorageError:
        return Verdict.PENDING


async def _worst(stores: Stores, market: tuple[Venue, str], start: int, end: int) -> Verdict:
    """Return the worst verdict on the minutes of a range, each of which wants one."""
    said = await stores.reconciliations.tally(*market, start, end)
    for verdict in (Verdict.MISMATCH, Verdict.UNAVAILABLE):
        if said.get(verdict):
            return verdict
    whole = said.get(Verdict.EXACT, 0) * _M1.ns == end - start
    return Verdict.EXACT if whole else Verdict.PENDING
