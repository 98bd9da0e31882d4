"""The document of one market: what outlives its aggregates, and who may save.

Every transaction on a market changes this document first. So two savers of one market collide here,
and the one that comes second sees what the first one left.
"""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct
from pymongo.asynchronous.client_session import AsyncClientSession

from cloud_marketdata.core.errors import FencedError
from cloud_marketdata.domain.sheet import Marks
from cloud_marketdata.domain.values import Timeframe
from cloud_marketdata.storage.mongo.names import (
    Document,
    Documents,
    MarketKey,
    ShardKey,
    of_market,
)
from cloud_marketdata.storage.packing import pack_marks, unpack_marks

BLANK: Final[Mapping[str, Any]] = {
    "position": 0,
    "trades": 0,
    "status": 0,
    "horizons": {},
    "fence": 0,
    "marks": pack_marks(Marks()),
    "widest": 0,
    "saves": 0,
}


class Market(Struct, frozen=True):
    """What is kept of a market; see `names` for the fields."""

    position: int
    horizons: Mapping[str, int]
    fence: int
    marks: Marks
    widest: int

    def horizon(self, timeframe: Timeframe) -> int:
        """Return the time in ns before which aggregates were removed, or 0."""
        return self.horizons.get(timeframe.value, 0)


async def find_market(
    markets: Documents, key: MarketKey, session: AsyncClientSession | None = None
) -> Market:
    """Return what is kept of a market, which is nothing of one that was never saved."""
    found = await markets.find_one(of_market(*key), session=session) or BLANK
    return Market(
        position=int(found["position"]),
        horizons={name: int(at) for name, at in found["horizons"].items()},
        fence=int(found["fence"]),
        marks=unpack_marks(found["marks"]),
        widest=int(found["widest"]),
    )


async def change_market(
    markets: Documents, key: ShardKey, session: AsyncClientSession, change: Document
) -> None:
    """Change the document inside a transaction; a change that changes nothing counts too.

    Without the count a save that says nothing new would collide with nobody.
    """
    await markets.update_one(of_market(*key), {**change, "$inc": {"saves": 1}}, session=session)


def keep_out(key: ShardKey, seen: int, fence: int) -> None:
    """Raise FencedError where the market has seen a higher token than the saver's."""
    if fence < seen:
        venue, symbol = key
        msg = f"{venue} {symbol} has seen the fencing token {seen}, above {fence}"
        raise FencedError(msg)
