"""Coverage ledgers in MongoDB, one document a row; `saving` writes them."""

from typing import Final

from pymongo import AsyncMongoClient

from cloud_marketdata.domain.coverage import Covered
from cloud_marketdata.domain.sheet import Kept
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.storage.mongo.market import find_market
from cloud_marketdata.storage.mongo.names import Collections, Document, of_market
from cloud_marketdata.storage.mongo.refusals import translated
from cloud_marketdata.storage.mongo.unbroken import unbroken
from cloud_marketdata.storage.packing import unpack_row

_PAGE: Final = 5000


class MongoCoverage:
    """CoverageRepository in MongoDB."""

    def __init__(self, client: AsyncMongoClient[Document], stored: Collections) -> None:
        self._client = client
        self._stored = stored

    @unbroken
    async def find(
        self, venue: Venue, symbol: str, start: int, end: int, covered: Covered | None = None
    ) -> Kept:
        """Return the marks of a market, the rows that touch the range, and every open row."""
        # Both are read as of one moment, or a save could come between the marks and the rows.
        with translated():
            async with self._client.start_session(snapshot=True) as moment:
                market = await find_market(self._stored.markets, (venue, symbol), moment)
                wanted = _wanted(covered, start, end, market.widest)
                cursor = self._stored.coverage.find(
                    {**of_market(venue, symbol), "$or": wanted},
                    {"body": 1, "_id": 0},
                    session=moment,
                )
                bodies = await cursor.batch_size(_PAGE).to_list()
        return Kept(market.marks, tuple(unpack_row(found["body"]) for found in bodies))


def _wanted(covered: Covered | None, start: int, end: int, widest: int) -> list[Document]:
    streams = {"$in": [stream.value for stream in (Covered if covered is None else (covered,))]}
    # No settled row is wider than the widest, which makes this a range of the index on `start`.
    touching = {"start": {"$gt": start - widest, "$lt": end}, "end": {"$gt": start}}
    return [{"open": True, "stream": streams}, {"open": False, "stream": streams, **touching}]
