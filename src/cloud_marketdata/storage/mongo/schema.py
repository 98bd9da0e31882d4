"""What the database holds, and the check that it is what it is taken for.

An empty database is filled, one of an older version is brought to this one in steps (see
`storage.stepping`). One that holds anything else than ours, and one of a newer version, is refused
and left as it was.
"""

from typing import Final

from pymongo.asynchronous.database import AsyncDatabase

from cloud_marketdata.core.clock import Clock, SystemClock
from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.storage.mongo.names import INDEXES, Document
from cloud_marketdata.storage.stepping import Ladder, climb

VERSION: Final = 1
_LADDER: Final = Ladder(VERSION)
_MARK: Final = {"_id": "marketdata warm"}
_MS: Final = 1000


async def prepare(
    database: AsyncDatabase[Document], ladder: Ladder = _LADDER, clock: Clock | None = None
) -> None:
    """Make the database ours, or bring it to this version; then make the indexes that are missing.

    Several processes may do this at the same time: one of them takes the steps, and the others
    wait. Raises StorageError on a foreign database or another version.
    """
    if await database.schema.find_one(_MARK) is None:
        await _begin(database, ladder.version)
    await climb(SchemaMark(database), ladder, clock or SystemClock())
    for name, indexes in INDEXES.items():
        await database[name].create_indexes(indexes)


class SchemaMark:
    """The version in the one document of `schema`; claims are timed by the server's clock."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self.name = f"MongoDB: {database.name}"
        self._schema = database.schema

    async def read(self) -> object:
        """Return the version."""
        found = await self._schema.find_one(_MARK)
        return found.get("version") if found else None

    async def claim(self, holder: str, seconds: float) -> bool:
        """Take or keep the right to change the version; False while another has it."""
        until = {"$add": ["$$NOW", int(seconds * _MS)]}
        free = {"$lt": [{"$ifNull": ["$claim.until", 0]}, "$$NOW"]}
        mine = {"$eq": ["$claim.holder", holder]}
        done = await self._schema.update_one(
            {**_MARK, "$expr": {"$or": [free, mine]}},
            [{"$set": {"claim": {"holder": holder, "until": until}}}],
        )
        return bool(done.matched_count)

    async def raise_to(self, version: int, holder: str) -> bool:
        """Write the version and end the claim, both at once; False where another has claimed."""
        done = await self._schema.update_one(
            {**_MARK, "claim.holder": holder},
            {"$set": {"version": version}, "$unset": {"claim": ""}},
        )
        return bool(done.matched_count)

    async def release(self, holder: str) -> None:
        """End the claim, where it is the holder's."""
        await self._schema.update_one({**_MARK, "claim.holder": holder}, {"$unset": {"claim": ""}})


async def _begin(database: AsyncDatabase[Document], version: int) -> None:
    names = set(await database.list_collection_names()) - {"schema"}
    # Asked again, because another process may have begun since we asked.
    if names and await database.schema.find_one(_MARK) is None:
        msg = f"MongoDB: the database {database.name} belongs to another use"
        raise StorageError(msg)
    first = {"$setOnInsert": {"version": version}}
    await database.schema.update_one(_MARK, first, upsert=True)
