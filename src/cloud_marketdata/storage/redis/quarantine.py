"""Rejected input in Redis: a hash of counts and a list of samples, which change together.

Who records again after an error may count twice; it is rejections that are counted here, not money.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.domain.events import Rejection
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.storage.bounds import QUARANTINE_SAMPLES
from cloud_marketdata.storage.redis.client import Client
from cloud_marketdata.storage.redis.keys import Keys

_RECORD: Final = b"""
local counted = tonumber(ARGV[2])
for i = 3, 2 + counted * 2, 2 do redis.call('HINCRBY', KEYS[1], ARGV[i], ARGV[i + 1]) end
for i = 3 + counted * 2, #ARGV do redis.call('LPUSH', KEYS[2], ARGV[i]) end
redis.call('LTRIM', KEYS[2], 0, ARGV[1] - 1)
return 1
"""
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Rejection)


class RedisQuarantine:
    """Quarantine in Redis."""

    def __init__(self, client: Client, keys: Keys) -> None:
        self._client = client
        self._names = keys.rejection_counts, keys.rejections

    async def record(
        self, counts: dict[tuple[Venue, str], int], samples: Sequence[Rejection]
    ) -> None:
        """Add to the counts and keep the samples; the oldest make room."""
        if not counts and not samples:
            return
        added: list[str | int] = []
        for (venue, reason), count in counts.items():
            added += [f"{venue}:{reason}", count]
        kept = map(_encoder.encode, samples[-QUARANTINE_SAMPLES:])
        values = QUARANTINE_SAMPLES, len(counts), *added, *kept
        key = self._names[0]
        await self._client.ask(key, "EVAL", _RECORD, len(self._names), *self._names, *values)

    async def counts(self) -> dict[tuple[Venue, str], int]:
        """Return all counts."""
        key = self._names[0]
        found = await self._client.ask(key, "HGETALL", key)
        counts = {}
        for name, count in zip(found[::2], found[1::2], strict=True):
            venue, _, reason = name.decode().partition(":")
            counts[Venue(venue), reason] = int(count)
        return counts

    async def samples(self, limit: int = 100) -> list[Rejection]:
        """Return the newest samples, newest first."""
        if limit < 1:
            return []
        key = self._names[1]
        found = await self._client.ask(key, "LRANGE", key, 0, limit - 1)
        try:
            return [_decoder.decode(sample) for sample in found]
        except msgspec.MsgspecError as error:
            msg = f"a sample of rejected input is broken: {error}"
            raise StorageError(msg) from error
