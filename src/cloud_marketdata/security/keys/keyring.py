"""Holds keys that are shown against their records, and tells whose they are.

Whatever is wrong with a key gives one and the same answer after one and the same work, an HMAC and
a comparison in constant time, until the secret was right: only its bearer hears that a key expired,
was revoked, or may not be used from where he is. While the store is away, keys are refused that
were not looked up just now: one that was revoked elsewhere must not live on here.
"""

from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.errors import MarketDataError, StorageError
from cloud_marketdata.core.health import Pulse
from cloud_marketdata.core.telemetry.catalogue import KEYS_CHECKED
from cloud_marketdata.core.telemetry.metric import Sample
from cloud_marketdata.security.identity import Identity, Scope
from cloud_marketdata.security.keys.form import INVALID, Key, parse
from cloud_marketdata.security.keys.lookups import Lookups
from cloud_marketdata.security.keys.networks import is_inside
from cloud_marketdata.security.keys.peppers import Peppers
from cloud_marketdata.security.keys.uses import Uses
from cloud_marketdata.security.keys.validity import ensure_valid
from cloud_marketdata.security.refusals import (
    AddressRefusedError,
    KeyExpiredError,
    KeyInvalidError,
    KeyRevokedError,
)
from cloud_marketdata.storage.security_ports import KeyRecord, KeyRepository

_SCOPES: Final = frozenset(Scope)
_OUTCOMES: Final = frozenset(
    (
        "ok",
        KeyInvalidError.code,
        KeyExpiredError.code,
        KeyRevokedError.code,
        AddressRefusedError.code,
        StorageError.code,
    )
)
"""What may become of a key that is shown."""


class Keyring:
    """Identifies bearers of keys; a Component."""

    def __init__(
        self, repository: KeyRepository, peppers: Peppers, clock: Clock, settings: Settings
    ) -> None:
        self._peppers = peppers
        self._clock = clock
        self._lookups = Lookups(repository, clock, settings.key_cache_s)
        self._uses = Uses(repository, peppers, clock)
        self._outcomes: Counter[str] = Counter()

    async def identify(self, key: str, address: str) -> Identity:
        """Return whose key it is, or raise why it is not taken from this address.

        Raises KeyInvalidError, KeyExpiredError, KeyRevokedError, AddressRefusedError, and
        StorageError where nothing can be said.
        """
        try:
            record = await self._checked(parse(key), address)
        except MarketDataError as error:
            self._outcomes[error.code] += 1
            raise
        self._outcomes["ok"] += 1
        self._uses.note(record)
        return _identity(record)

    async def recheck(self, identity: Identity) -> Identity:
        """Return the bearer as he stands now: his key may have been given a successor.

        Who has no key stays who he is. Raises KeyRevokedError or KeyExpiredError where the key is
        taken no more, StorageError where nothing can be said.
        """
        if not identity.key_id:
            return identity
        record = await self._lookups.find(identity.key_id)
        if record is None:
            msg = f"the key {identity.key_id} is gone"
            raise KeyRevokedError(msg)
        ensure_valid(record, self._clock.now())
        self._uses.note(record)
        return _identity(record)

    async def run(self) -> None:
        """Store when keys were last used, until cancelled."""
        await self._uses.run()

    def measures(self) -> Iterator[Sample]:
        """See core.telemetry.metric.Measured."""
        for code in sorted(_OUTCOMES.union(self._outcomes)):
            yield KEYS_CHECKED.of(self._outcomes[code], code)

    async def pulse(self) -> Pulse:
        """See core.health.Component."""
        detail: dict[str, object] = {
            "outcomes": dict(sorted(self._outcomes.items())),
            "lookups": self._lookups.misses,
            "cache_hits": self._lookups.hits,
            "lookups_refused": self._lookups.refused,
            "uses_lost": self._uses.lost,
        }
        return Pulse("security", "keys", "ok", ok=True, detail=detail)

    async def _checked(self, key: Key, address: str) -> KeyRecord:
        began = self._clock.monotonic()
        record = await self._lookups.find(key.id)
        if not self._peppers.matches(key, record) or record is None:
            raise KeyInvalidError(INVALID)
        ensure_valid(record, self._clock.now())
        if not is_inside(address, record.networks):
            msg = f"the key {key.id} may not be used from this address"
            raise AddressRefusedError(msg)
        return await self._noted(key, record, began)

    async def _noted(self, key: Key, record: KeyRecord, began: float) -> KeyRecord:
        """Store what the store is to know before the answer."""
        stored = None
        if not record.used_at:
            stored = await self._uses.first(key, record)
        elif self._peppers.is_outdated(record):
            stored = await self._uses.renew(key, record)
        if stored is None:
            return record
        self._lookups.keep(stored, began)
        return stored


def _identity(record: KeyRecord) -> Identity:
    return Identity(
        record.id,
        record.owner,
        _scopes(record.scopes),
        record.per_minute,
        record.retires_at,
        record.ends_at,
    )


@lru_cache(maxsize=1024)
def _scopes(names: tuple[str, ...]) -> frozenset[Scope]:
    """Return the scopes that this release knows; a later one may have stored others."""
    return frozenset(map(Scope, _SCOPES.intersection(names)))
