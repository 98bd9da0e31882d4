"""Where keys are made, replaced and taken back, on demand; REST and command line both ask here.

A successor's text leaves in one answer, and that answer may be lost. So a successor that was never
seen to authenticate may be replaced by asking again with the old key; one that was seen may not.
"""

from random import Random
from typing import Final

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.errors import BadRequestError, StorageError
from cloud_marketdata.security.keys.errors import (
    KeyDeliveredError,
    KeyReplacedError,
    UnknownKeyError,
)
from cloud_marketdata.security.keys.lifecycle import Line, is_valid, revoked
from cloud_marketdata.security.keys.lineages import Lineages, Minted
from cloud_marketdata.security.keys.peppers import Peppers
from cloud_marketdata.security.keys.validity import ensure_valid
from cloud_marketdata.security.keys.wishes import NewKey, checked
from cloud_marketdata.storage.security_ports import KeyRecord, KeyRepository

_TRIES: Final = 8


class KeyDesk:
    """Changes keys, each change whole or not at all, however many ask at once.

    random: a SystemRandom; secrets are drawn from it.
    """

    def __init__(
        self,
        repository: KeyRepository,
        peppers: Peppers,
        clock: Clock,
        random: Random,
        settings: Settings,
    ) -> None:
        self._repository = repository
        self._clock = clock
        self._lineages = Lineages(repository, peppers, clock, random, settings)

    async def create(self, wish: NewKey) -> Minted:
        """Make the first key of a lineage.

        Raises BadRequestError for a wish that cannot be met, SettingsError where no pepper is
        known, StorageError.
        """
        wish = checked(wish)
        if wish.sink:
            await self._ensure_free(wish.sink)
        for _ in range(_TRIES):
            proposal = self._lineages.first(wish)
            if await self._repository.change(proposal.records):
                return proposal.minted
        raise _crowded()

    async def rotate(self, key_id: str) -> Minted:
        """Make a successor; from now on the old key is in its grace.

        To rotate an unseen successor is to rotate its predecessor again. Raises UnknownKeyError,
        KeyRevokedError, KeyExpiredError, KeyReplacedError where the successor is in use already,
        KeyDeliveredError where successors go to a file, SettingsError, StorageError.
        """
        for _ in range(_TRIES):
            line = await self._rotatable(key_id)
            proposal = self._lineages.next(line)
            if await self._repository.change(proposal.records):
                return proposal.minted
        raise _crowded()

    async def revoke(self, key_id: str, *, lineage: bool = False) -> KeyRecord:
        """Take a key back, or with `lineage` every key of its line; return the key's record.

        To revoke again changes nothing. Raises UnknownKeyError, StorageError.
        """
        for _ in range(_TRIES):
            records = await self._repository.all()
            key = next((one for one in records if one.id == key_id), None)
            if key is None:
                msg = f"there is no key {key_id!r}"
                raise UnknownKeyError(msg)
            concerned = [one for one in records if one.lineage == key.lineage] if lineage else [key]
            wish = [revoked(one, self._clock.now()) for one in concerned if not one.revoked_at]
            if await self._repository.change(wish):
                return next((one for one in wish if one.id == key_id), key)
        raise _crowded()

    async def all(self) -> list[KeyRecord]:
        """Return every record, sorted by creation and id; raises StorageError."""
        return await self._repository.all()

    async def _rotatable(self, key_id: str) -> Line:
        line = await self._lineages.line(key_id)
        ensure_valid(line.key, self._clock.now())
        if line.key.sink:
            msg = f"successors of the key {key_id} are written to the file {line.key.sink}"
            raise KeyDeliveredError(msg)
        if line.heir is not None and line.heir.used_at:
            msg = f"the key {key_id} was replaced by {line.heir.id}, which is in use"
            raise KeyReplacedError(msg)
        return line.again() or line

    async def _ensure_free(self, sink: str) -> None:
        """Refuse a file that another lineage is delivered to."""
        now = self._clock.now()
        for one in await self._repository.all():
            if one.sink == sink and is_valid(one, now):
                msg = f"the file {sink} belongs to the key {one.id} already"
                raise BadRequestError(msg)


def _crowded() -> StorageError:
    return StorageError("the key is being changed by others without end")
