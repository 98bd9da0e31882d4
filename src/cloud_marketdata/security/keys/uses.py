"""Notes that keys are used: a first use before it is answered, later ones when there is time.

The first use decides something. A successor that was never seen may be replaced, because its text
may have been lost on the way; were its first use noted after the answer, or only in this process, a
second successor could be made of one predecessor, and both would authenticate. So it is a change
of the record, which the replacement collides with. Later uses only tell people when a key was last
seen; they are gathered and stored once a minute.
"""

from typing import Final

import structlog

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.security.keys.form import INVALID, Key
from cloud_marketdata.security.keys.lifecycle import authenticated
from cloud_marketdata.security.keys.peppers import Peppers
from cloud_marketdata.security.keys.validity import ensure_valid
from cloud_marketdata.security.refusals import KeyInvalidError
from cloud_marketdata.storage.security_ports import KeyRecord, KeyRepository

_EVERY_S: Final = 60.0
_MOST_NOTED: Final = 100_000
_TRIES: Final = 8


class Uses:
    """What is known of uses and not yet stored; `lost` counts those that never will be."""

    def __init__(self, repository: KeyRepository, peppers: Peppers, clock: Clock) -> None:
        self.lost = 0
        self._repository = repository
        self._peppers = peppers
        self._clock = clock
        self._noted: dict[str, int] = {}

    def note(self, record: KeyRecord) -> None:
        """Remember that the key was used now."""
        if len(self._noted) < _MOST_NOTED or record.id in self._noted:
            self._noted[record.id] = self._clock.now()
        else:
            self.lost += 1

    async def first(self, key: Key, record: KeyRecord) -> KeyRecord:
        """Store the first use of a key whose secret was right; return the record as it is then.

        Raises KeyRevokedError or KeyExpiredError where it ended meanwhile, StorageError where the
        store is away: then the use is not answered either.
        """
        for _ in range(_TRIES):
            used = authenticated(record, self._clock.now(), self._peppers.hashed(key))
            if await self._repository.change([used]):
                return used
            record = await self._again(key)
            if record.used_at:
                return record
        msg = f"the key {key.id} is being changed by others without end"
        raise StorageError(msg)

    async def renew(self, key: Key, record: KeyRecord) -> KeyRecord | None:
        """Hash a key under the current pepper; return the record if it was stored.

        Where it was not, the next use tries it again.
        """
        used = authenticated(record, self._clock.now(), self._peppers.hashed(key))
        try:
            return used if await self._repository.change([used]) else None
        except StorageError as error:
            structlog.get_logger().warning("keys.not_hashed_anew", key=key.id, error=str(error))
            return None

    async def run(self) -> None:
        """Store what was noted, once a minute, until cancelled."""
        while True:
            await self._clock.sleep(_EVERY_S)
            await self.store()

    async def store(self) -> None:
        """Store what was noted; what the store does not take now is lost and counted."""
        noted, self._noted = self._noted, {}
        for at, (key_id, used_at) in enumerate(noted.items()):
            try:
                await self._repository.touch(key_id, used_at)
            except StorageError as error:
                self.lost += len(noted) - at
                structlog.get_logger().warning("keys.uses_not_stored", error=str(error))
                return

    async def _again(self, key: Key) -> KeyRecord:
        record = await self._repository.find(key.id)
        if record is None:
            raise KeyInvalidError(INVALID)
        ensure_valid(record, self._clock.now())
        return record
