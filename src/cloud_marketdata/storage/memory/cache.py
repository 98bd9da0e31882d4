"""The query cache of one process: the least recently used answers make room.

Bounded by bytes, keys included. Another process has a cache of its own, which is no harm: a cache
may forget anything at any time, and its answers say themselves how long they may be kept.
"""

from collections import OrderedDict
from typing import Final, NamedTuple

from cloud_marketdata.core.clock import Clock

CACHE_BYTES: Final = 64 * 1024 * 1024


class _Answer(NamedTuple):
    value: bytes
    until: float


class MemoryCache:
    """QueryCache in memory; `evicted` counts the answers that made room before their time."""

    def __init__(self, clock: Clock, most_bytes: int = CACHE_BYTES) -> None:
        self.evicted = 0
        self._clock = clock
        self._most_bytes = most_bytes
        self._bytes = 0
        self._answers: OrderedDict[str, _Answer] = OrderedDict()

    async def get(self, key: str) -> bytes | None:
        """Return the value, or None where there is none or it has expired."""
        answer = self._answers.get(key)
        if answer is None:
            return None
        if answer.until <= self._clock.monotonic():
            self._drop(key)
            return None
        self._answers.move_to_end(key)
        return answer.value

    async def put(self, key: str, value: bytes, seconds: float) -> None:
        """Keep the value for at most `seconds`; one that is larger than the cache is not kept."""
        self._drop(key)
        size = _size(key, value)
        if size > self._most_bytes:
            self.evicted += 1
            return
        while self._bytes + size > self._most_bytes:
            self._drop(next(iter(self._answers)))
            self.evicted += 1
        self._answers[key] = _Answer(value, self._clock.monotonic() + seconds)
        self._bytes += size

    def _drop(self, key: str) -> None:
        answer = self._answers.pop(key, None)
        if answer:
            self._bytes -= _size(key, answer.value)


def _size(key: str, value: bytes) -> int:
    return len(key.encode()) + len(value)
