"""Aggregates that were computed for an answer, kept in the query cache as packed bytes.

For what nothing can change any more: the asker puts all that the content depends on into the key.
What was used lately is also at hand unpacked, as the same objects every time, so that what is made
of them can be kept too. One computation at a time per key within a process; whoever asks meanwhile
waits and gets the same. A cache that is away or holds nonsense is a miss, never an error.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Final, NamedTuple

import msgspec

from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.core.health import Pulse
from cloud_marketdata.core.recent import Recent
from cloud_marketdata.core.telemetry.catalogue import CACHE
from cloud_marketdata.core.telemetry.metric import Sample
from cloud_marketdata.domain.aggregate import Aggregate
from cloud_marketdata.storage.packing import pack_aggregate, unpack_aggregate
from cloud_marketdata.storage.ports import QueryCache

KEPT_S: Final = 3600.0
"""It stays true for ever; this only makes room for what is asked for now."""
AT_HAND_BYTES: Final = 32 * 1024 * 1024
_FORMAT: Final = "settled/1"
_ROW_BYTES: Final = 56
_LEAST_BYTES: Final = 1024


class Answer(NamedTuple):
    """Aggregates, a note that its asker understands, and whether they may be kept, and were."""

    aggregates: list[Aggregate]
    note: bytes
    final: bool
    kept: bool = False


class _Kept(msgspec.Struct, array_like=True):
    aggregates: list[bytes]
    note: bytes


class KeptAnswers:
    """Answers over a QueryCache; `hits`, `misses` and `failures` are told in /health."""

    def __init__(self, cache: QueryCache, at_hand_bytes: int = AT_HAND_BYTES) -> None:
        self._cache = cache
        self._at_hand: Recent[str, Answer] = Recent(at_hand_bytes)
        self._locks: dict[str, asyncio.Lock] = {}
        self._asking: Counter[str] = Counter()
        self.hits = 0
        self.misses = 0
        self.failures = 0

    async def of(self, key: str, compute: Callable[[], Awaitable[Answer]]) -> Answer:
        """Return the answer under the key, or compute it and keep it where it is final."""
        key = f"{_FORMAT}|{key}"
        async with self._alone(key):
            kept = self._at_hand.get(key) or await self._get(key)
            if kept is not None:
                self.hits += 1
                return self._handed(key, kept)
            self.misses += 1
            answer = await compute()
            if answer.final:
                await self._put(key, answer)
            return self._handed(key, answer)

    def measures(self) -> Iterator[Sample]:
        """See core.telemetry.metric.Measured."""
        yield CACHE.of(self.hits, "hit")
        yield CACHE.of(self.misses, "miss")

    async def pulse(self) -> Pulse:
        """Tell how often the cache helped; a cache that fails costs time, nothing else."""
        detail: dict[str, object] = {
            "hits": self.hits,
            "misses": self.misses,
            "ratio": hit_ratio(self.hits, self.misses),
            "failures": self.failures,
            "bytes": self._at_hand.bytes,
            "evicted": self._at_hand.evicted,
        }
        return Pulse("processing", "query_cache", "ok", ok=True, detail=detail)

    def _handed(self, key: str, answer: Answer) -> Answer:
        if answer.final and self._at_hand.get(key) is None:
            rows = sum(len(one.profile) for one in answer.aggregates)
            weight = _LEAST_BYTES * (1 + len(answer.aggregates)) + _ROW_BYTES * rows
            self._at_hand.keep(key, answer._replace(kept=True), weight)
        return answer

    async def _get(self, key: str) -> Answer | None:
        try:
            data = await self._cache.get(key)
            if data is None:
                return None
            kept = msgspec.msgpack.decode(data, type=_Kept)
            made = [unpack_aggregate(one) for one in kept.aggregates]
            return Answer(made, kept.note, final=True, kept=True)
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


def hit_ratio(hits: int, misses: int) -> float | None:
    """Return the share of questions that a cache answered, or None where none was asked."""
    asked = hits + misses
    return round(hits / asked, 4) if asked else None
