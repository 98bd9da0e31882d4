"""Aggregates that were computed for an answer, kept in the query cache as packed bytes.

For what nothing can change any more: the asker puts all that the content depends on into the key.
One computation at a time per key within a process; whoever asks meanwhile waits and gets the same.
A cache that is away or holds nonsense is a miss, never an error.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final, NamedTuple

import msgspec

from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.core.health import Pulse
from cloud_marketdata.domain.aggregate import Aggregate
from cloud_marketdata.storage.packing import pack_aggregate, unpack_aggregate
from cloud_marketdata.storage.ports import QueryCache

KEPT_S: Final = 3600.0
"""It stays true for ever; this only makes room for what is asked for now."""
_FORMAT: Final = "settled/1"


class Answer(NamedTuple):
    """Aggregates, a note that its asker understands, and whether they may be kept."""

    aggregates: list[Aggregate]
    note: bytes
    final: bool


class _Kept(msgspec.Struct, array_like=True):
    aggregates: list[bytes]
    note: bytes


class KeptAnswers:
    """Answers over a QueryCache; `hits`, `misses` and `failures` are told in /health."""

    def __init__(self, cache: QueryCache) -> None:
        self._cache = cache
        self._locks: dict[str, asyncio.Lock] = {}
        self._asking: Counter[str] = Counter()
        self.hits = 0
        self.misses = 0
        self.failures = 0

    async def of(self, key: str, compute: Callable[[], Awaitable[Answer]]) -> Answer:
        """Return the answer under the key, or compute it and keep it where it is final."""
        key = f"{_FORMAT}|{key}"
        async with self._alone(key):
            kept = await self._get(key)
            if kept is not None:
                self.hits += 1
                return kept
            self.misses += 1
            answer = await compute()
            if answer.final:
                await self._put(key, answer)
            return answer

    async def pulse(self) -> Pulse:
        """Tell how often the cache helped; a cache that fails costs time, nothing else."""
        detail = {"hits": self.hits, "misses": self.misses, "failures": self.failures}
        return Pulse("processing", "query_cache", "ok", ok=True, detail=dict(detail))

    async def _get(self, key: str) -> Answer | None:
        try:
            data = await self._cache.get(key)
            if data is None:
                return None
            kept = msgspec.msgpack.decode(data, type=_Kept)
            return Answer([unpack_aggregate(one) for one in kept.aggregates], kept.note, final=True)
        except (StorageError, msgspec.DecodeError):
            self.failures += 1
            return None

    async def _put(self, key: str, answer: Answer) -> None:
        kept = _Kept([pack_aggregate(one) for one in answer.aggregates], answer.note)
        try:
            await self._cache.put(key, msgspec.msgpack.encode(kept), KEPT_S)
        except StorageError:
            self.failures += 1

    @asynccontextmanager
    async def _alone(self, key: str) -> AsyncIterator[None]:
        """Let one in at a time; a key that nobody asks for has no lock."""
        self._asking[key] += 1
        try:
            async with self._locks.setdefault(key, asyncio.Lock()):
                yield
        finally:
            self._asking[key] -= 1
            if not self._asking[key]:
                del self._asking[key], self._locks[key]
