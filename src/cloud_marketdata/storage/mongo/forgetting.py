"""Removing aggregates whose next tier holds them.

MongoDB's TTL deletes, but not by age alone: only what was confirmed gets the date that TTL looks
at, together with the horizon behind which nothing can be saved again. From that moment every
question leaves it out; when its bytes go is MongoDB's own business. An index that deletes by the
age of a bucket would delete minutes whose hour is not stored, on the first day that something lags.
"""

from typing import Any

from pymongo.asynchronous.client_session import AsyncClientSession

from cloud_marketdata.domain.values import Timeframe
from cloud_marketdata.storage.mongo.market import change_market, find_market, keep_out
from cloud_marketdata.storage.mongo.names import Collections, MarketKey, of_market


class Forgetting:
    """The work of one `forget`; called inside a transaction, again where that is repeated."""

    def __init__(
        self,
        stored: Collections,
        market: MarketKey,
        timeframe: Timeframe,
        before: int,
        fence: int,
    ) -> None:
        self._stored = stored
        self._market = market
        self._timeframe = timeframe
        self._before = before
        self._fence = fence

    async def __call__(self, session: AsyncClientSession) -> int:
        """Remove and move the horizon; raises FencedError at a higher token than ours."""
        market = await find_market(self._stored.markets, self._market, session)
        keep_out(self._market, market.fence, self._fence)
        moved = {f"horizons.{self._timeframe.value}": self._before}
        change: dict[str, Any] = {"$set": {"fence": self._fence}, "$max": moved}
        await change_market(self._stored.markets, self._market, session, change)
        # The server's own date, because the server's clock is what TTL compares it with.
        gone = {"$currentDate": {"gone_at": True}}
        result = await self._stored.aggregates.update_many(self._wanted(), gone, session=session)
        return result.modified_count

    def _wanted(self) -> dict[str, Any]:
        return {
            **of_market(*self._market),
            "timeframe": self._timeframe.value,
            "start": {"$lte": self._before - self._timeframe.ns},
            "final": True,
            "gone_at": None,
        }
