"""Look-ups of records by id, believed for a moment, whether there was a record or none.

What is asked for by many at once is looked up once. Ids without a record are kept apart from the
others, so a flood of invented ids pushes no real key out. A look-up counts from when it began: a
change that is older than the belief is always seen.
"""

import asyncio
from typing import Final, NamedTuple

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.core.recent import Recent
from cloud_marketdata.storage.security_ports import KeyRecord, KeyRepository

_KNOWN_BYTES: Final = 16 * 1024 * 1024
_UNKNOWN_BYTES: Final = 1024 * 1024
_RECORD_BYTES: Final = 1600
_ABSENCE_BYTES: Final = 160
_MOST_FLIGHTS: Final = 256


class _Kept(NamedTuple):
    record: KeyRecord | None
    until: float


_Flight = asyncio.Future[KeyRecord | StorageError | None]


class Lookups:
    """Finds records; `hits`, `misses` and `refused` count."""

    def __init__(self, repository: KeyRepository, clock: Clock, seconds: float) -> None:
        self.hits = 0
        self.misses = 0
        self.refused = 0
        self._repository = repository
        self._clock = clock
        self._seconds = seconds
        self._known = Recent[str, _Kept](_KNOWN_BYTES)
        self._unknown = Recent[str, _Kept](_UNKNOWN_BYTES)
        self._flights: dict[str, _Flight] = {}

    async def find(self, key_id: str) -> KeyRecord | None:
        """Return the record, as it stood at most `seconds` ago, or None.

        Raises StorageError where the store is away, or too many look-ups are under way. An answer
        from before is not used then: it would outlive a revocation.
        """
        kept = self._known.get(key_id) or self._unknown.get(key_id)
        if kept is not None and self._clock.monotonic() < kept.until:
            self.hits += 1
            return kept.record
        flight = self._flights.get(key_id)
        while flight is not None:
            await asyncio.wait([flight])
            if not flight.cancelled():
                self.hits += 1
                return _landed(flight.result())
            flight = self._flights.get(key_id)
        return await self._look_up(key_id)

    def keep(self, record: KeyRecord, began: float) -> None:
        """Believe a record that stood so at `began` (monotonic seconds) or later."""
        self._keep(record.id, record, began)

    async def _look_up(self, key_id: str) -> KeyRecord | None:
        if len(self._flights) >= _MOST_FLIGHTS:
            self.refused += 1
            msg = "too many keys are being looked up"
            raise StorageError(msg)
        self.misses += 1
        flight: _Flight = asyncio.get_running_loop().create_future()
        self._flights[key_id] = flight
        try:
            record = await self._asked(key_id)
        except StorageError as error:
            flight.set_result(error)
            raise
        else:
            flight.set_result(record)
            return record
        finally:
            del self._flights[key_id]
            # Where this asker went away, one of those who wait asks in its place.
            flight.cancel()

    async def _asked(self, key_id: str) -> KeyRecord | None:
        began = self._clock.monotonic()
        record = await self._repository.find(key_id)
        self._keep(key_id, record, began)
        return record

    def _keep(self, key_id: str, record: KeyRecord | None, began: float) -> None:
        kept = _Kept(record, began + self._seconds)
        if record is None:
            self._unknown.keep(key_id, kept, _ABSENCE_BYTES)
        else:
            self._known.keep(key_id, kept, _RECORD_BYTES)


def _landed(outcome: KeyRecord | StorageError | None) -> KeyRecord | None:
    if isinstance(outcome, StorageError):
        # An error of its own for each who waits: a shared one would collect all their traces.
        raise StorageError(str(outcome)) from outcome
    return outcome
