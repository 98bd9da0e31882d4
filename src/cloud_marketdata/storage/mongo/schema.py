"""What the database holds, and the check that it is what it is taken for.

An empty database is filled. One that holds anything else than ours, and one of another version, is
refused and left as it was.
"""

from typing import Final

from pymongo.asynchronous.database import AsyncDatabase

from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.storage.mongo.names import INDEXES, Document

VERSION: Final = 1
_MARK: Final = {"_id": "marketdata warm"}


async def prepare(database: AsyncDatabase[Document]) -> None:
    """Make the database ours, or check that it is; then make the indexes that are missing.

    Several processes may do this at the same time. Raises StorageError on a foreign database or
    another version.
    """
    found = await database.schema.find_one(_MARK)
    if found is None:
        await _begin(database)
    elif found.get("version") != VERSION:
        version = found.get("version")
        msg = f"MongoDB: {database.name} has schema version {version}, not our {VERSION}"
        raise StorageError(msg)
    for name, indexes in INDEXES.items():
        await database[name].create_indexes(indexes)


async def _begin(database: AsyncDatabase[Document]) -> None:
    names = set(await database.list_collection_names()) - {"schema"}
    # Asked again, because another process may have begun since we asked.
    if names and await database.schema.find_one(_MARK) is None:
        msg = f"MongoDB: the database {database.name} belongs to another use"
        raise StorageError(msg)
    first = {"$setOnInsert": {"version": VERSION}}
    await database.schema.update_one(_MARK, first, upsert=True)
