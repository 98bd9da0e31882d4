"""Transactions on markets, one at a time for each, exactly once in effect.

MongoDB keeps the transaction of a saver that was killed in the middle open for a minute, and with
it the document of its market. So every saver leaves its session's name in that document, and the
next owner ends what that session still has open before it saves for the first time.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import AsyncExitStack
from typing import Any, Final, TypeVar

import pymongo
import structlog
from bson import Binary
from pymongo import AsyncMongoClient, WriteConcern
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import OperationFailure
from pymongo.read_concern import ReadConcern

from cloud_marketdata.storage.mongo.market import BLANK, keep_out
from cloud_marketdata.storage.mongo.names import Document, Documents, ShardKey, of_market
from cloud_marketdata.storage.mongo.refusals import translated

T = TypeVar("T")
Work = Callable[[AsyncClientSession], Awaitable[T]]

_SNAPSHOT: Final = ReadConcern("snapshot")
_DURABLE: Final = WriteConcern("majority", j=True)


class Seat:
    """One market's place: its lock, its session, and the token under which it was claimed."""

    def __init__(self, key: ShardKey, session: AsyncClientSession) -> None:
        self.key = key
        self.lock = asyncio.Lock()
        self.session = session
        self.claim: tuple[int, Binary] | None = None

    @property
    def session_id(self) -> Binary:
        """Name of the session on the server."""
        name: Binary = self.session.session_id["id"]
        return name


class Transactions:
    """Runs work on markets in transactions.

    A session is kept for each market, so a transaction that we lost sight of is ended by our next.
    markets: where the document of each is; blank: its fields before anything is saved.
    """

    def __init__(
        self,
        client: AsyncMongoClient[Document],
        markets: Documents,
        timeout_s: float,
        *,
        blank: Mapping[str, Any] = BLANK,
    ) -> None:
        self._client = client
        self._markets = markets
        self._timeout_s = timeout_s
        self._blank = blank
        self._seats: dict[ShardKey, Seat] = {}

    async def run(
        self, keys: Collection[ShardKey], fence: int, work: Work[T], *, more_s: float = 0.0
    ) -> T:
        """Run `work` in a transaction of these markets, of which there is at least one.

        more_s: how much longer than the time-out it may take, because there is so much to do. Work
        is repeated where the transaction must be, within that time. Raises FencedError where a
        market has seen a higher token, and StorageError where it is not known to be committed:
        then it may be, so work must be such that doing it again changes nothing.
        """
        seats = [self._seat(key) for key in sorted(keys)]
        async with AsyncExitStack() as locks:
            for seat in seats:
                await locks.enter_async_context(seat.lock)
            with translated(), pymongo.timeout(self._timeout_s + more_s):
                return await self._committed(seats, fence, work)

    async def reach(self) -> None:
        """Return once the server has answered; raises StorageError where it does not in time."""
        with translated(), pymongo.timeout(self._timeout_s):
            await self._client.admin.command("ping")

    async def close(self) -> None:
        """End the sessions, and with them whatever is still open."""
        for seat in self._seats.values():
            await seat.session.end_session()

    async def _committed(self, seats: list[Seat], fence: int, work: Work[T]) -> T:
        leading = seats[0]
        try:
            for seat in seats:
                await self._claim(seat, leading.session_id, fence)
            return await leading.session.with_transaction(
                work, read_concern=_SNAPSHOT, write_concern=_DURABLE
            )
        except BaseException:
            # Somebody else may have been there meanwhile; the next time we look again.
            for seat in seats:
                seat.claim = None
            raise

    async def _claim(self, seat: Seat, ours: Binary, fence: int) -> None:
        """End what the last saver left open, and leave our session's name for the next one."""
        if seat.claim == (fence, ours):
            return
        key = of_market(*seat.key)
        found = await self._markets.find_one(key, {"fence": 1, "session": 1}) or {}
        if not found:
            await self._markets.update_one(key, {"$setOnInsert": self._blank}, upsert=True)
        keep_out(seat.key, found.get("fence", 0), fence)
        if found.get("session") != ours:
            await self._end(found.get("session"))
            # Only where our token is in force still; or else the transaction is to be refused.
            mine = {"$set": {"session": ours}}
            await self._markets.update_one({**key, "fence": {"$lte": fence}}, mine)
        seat.claim = (fence, ours)

    async def _end(self, session: Binary | None) -> None:
        if session is None:
            return
        try:
            await self._client.admin.command("killSessions", [{"id": session}])
        except OperationFailure as error:
            # Then its transaction ends by itself, when the server's patience with it ends.
            structlog.get_logger().warning("mongo.session_not_ended", error=str(error))

    def _seat(self, key: ShardKey) -> Seat:
        if key not in self._seats:
            self._seats[key] = Seat(key, self._client.start_session())
        return self._seats[key]
