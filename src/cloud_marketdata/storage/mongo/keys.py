"""API keys in MongoDB, one document a key; its `_id` is the key's own.

A look-up is linearizable: a primary that was deposed and does not know it yet would otherwise go on
telling that a key is valid which its successor has stored as revoked.
"""

from collections.abc import Sequence
from typing import Final

import pymongo
from bson import Binary
from pymongo import AsyncMongoClient, WriteConcern
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import DuplicateKeyError
from pymongo.read_concern import ReadConcern

from cloud_marketdata.storage.mongo.names import Document, Documents
from cloud_marketdata.storage.mongo.refusals import translated
from cloud_marketdata.storage.mongo.unbroken import unbroken
from cloud_marketdata.storage.packing import pack_key, unpack_key
from cloud_marketdata.storage.security_ports import KeyRecord

_SNAPSHOT: Final = ReadConcern("snapshot")
_DURABLE: Final = WriteConcern("majority", j=True)
_KEPT: Final = {"body": 1, "used_at": 1}


class _ChangedMeanwhileError(Exception):
    """A record has another revision than the change builds on; it ends the transaction."""


class MongoKeys:
    """KeyRepository in MongoDB."""

    def __init__(
        self, client: AsyncMongoClient[Document], keys: Documents, timeout_s: float
    ) -> None:
        self._client = client
        self._timeout_s = timeout_s
        self._keys = keys
        self._newest = keys.with_options(read_concern=ReadConcern("linearizable"))

    @unbroken
    async def find(self, key_id: str) -> KeyRecord | None:
        """Return the record as it stands, or None."""
        with translated():
            found = await self._newest.find_one({"_id": key_id}, _KEPT)
        return _read(found) if found else None

    @unbroken
    async def all(self) -> list[KeyRecord]:
        """Return every record, sorted by creation and id."""
        with translated():
            found = await self._keys.find({}, _KEPT).to_list()
        return sorted(map(_read, found), key=lambda one: (one.created_at, one.id))

    @unbroken
    async def change(self, records: Sequence[KeyRecord]) -> bool:
        """Store each record, all or none; see the port."""

        async def work(session: AsyncClientSession) -> None:
            for one in records:
                await self._store(one, session)

        try:
            with translated(), pymongo.timeout(self._timeout_s):
                async with self._client.start_session() as session:
                    await session.with_transaction(
                        work, read_concern=_SNAPSHOT, write_concern=_DURABLE
                    )
        except _ChangedMeanwhileError:
            return False
        return True

    @unbroken
    async def touch(self, key_id: str, used_at: int) -> None:
        """Note a use; a time before the stored one changes nothing."""
        with translated():
            await self._keys.update_one({"_id": key_id}, {"$max": {"used_at": used_at}})

    async def _store(self, one: KeyRecord, session: AsyncClientSession) -> None:
        if one.revision == 1:
            await self._insert(one, session)
            return
        wanted = {"_id": one.id, "revision": one.revision - 1}
        change = {"$set": _body(one), "$max": {"used_at": one.used_at}}
        done = await self._keys.update_one(wanted, change, session=session)
        if not done.matched_count:
            raise _ChangedMeanwhileError

    async def _insert(self, one: KeyRecord, session: AsyncClientSession) -> None:
        try:
            await self._keys.insert_one(
                {"_id": one.id, "used_at": one.used_at, **_body(one)}, session=session
            )
        except DuplicateKeyError as error:
            raise _ChangedMeanwhileError from error


def _body(one: KeyRecord) -> Document:
    return {"revision": one.revision, "body": Binary(pack_key(one))}


def _read(found: Document) -> KeyRecord:
    # The driver has a number of its own for large ones, which our encoder does not take.
    return unpack_key(found["body"], int(found["used_at"]))
