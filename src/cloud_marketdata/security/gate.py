"""Who may pass: an address within its limit, a key that is good, a scope, a key within its limit.

Every surface asks the same gate in the same order, so nothing can be had by a side door. It knows
nothing of HTTP. A key that is refused costs its address far more than a question does, also where
the address has nothing left: what it owes is taken from what comes back.
"""

from typing import Final, NamedTuple

from cloud_marketdata.core.config import Settings
from cloud_marketdata.security.identity import LOCAL, Identity, Scope
from cloud_marketdata.security.keys.keyring import Keyring
from cloud_marketdata.security.limits.costs import FAILED_KEY
from cloud_marketdata.security.limits.counted import Counted
from cloud_marketdata.security.limits.limits import Limits
from cloud_marketdata.security.refusals import KeyMissingError, RefusedError, ScopeMissingError

ANYONE: Final = Identity(
    "", "anyone", frozenset((Scope.MARKET_READ, Scope.STREAM_READ, Scope.METRICS_READ))
)
"""Whoever asks without a key where the settings open the service to a network without keys."""


class Knock(NamedTuple):
    """Who stands at the door.

    address: of the client, as far as it is believed.
    local: whether it is certainly this machine, with no proxy between.
    key: what was shown as a key, whatever it is; None where nothing was.
    """

    address: str
    local: bool
    key: str | None


class Gate:
    """Lets pass or raises a RefusedError; a StorageError where nothing can be looked up."""

    def __init__(self, keyring: Keyring, limits: Limits, settings: Settings) -> None:
        self._keyring = keyring
        self._limits = limits
        self._asks_for_keys = settings.asks_for_keys
        self._open = settings.allow_open_bind and not settings.asks_for_keys

    async def arrive(self, knock: Knock, *, here: bool = False) -> Counted | None:
        """Count a request of an address; None where it has no limit. Raises OverQuotaError.

        here: count it in this process alone, and ask no store.
        """
        if self._at_home(knock):
            return None
        if here:
            return await self._limits.of_address_here(knock.address)
        return await self._limits.of_address(knock.address)

    async def identify(self, knock: Knock) -> Identity:
        """Say who it is; raises KeyMissingError and whatever a bad key is refused with."""
        if knock.key is None:
            return self._keyless(knock)
        try:
            return await self._keyring.identify(knock.key, knock.address)
        except RefusedError:
            await self._limits.fine(knock.address, FAILED_KEY)
            raise

    async def allow(self, identity: Identity, scope: Scope | None, cost: int) -> Counted | None:
        """Check the scope, where one is needed, and take the cost from the key's own limit.

        None where the identity has no key, or the cost is 0. Raises ScopeMissingError or
        OverQuotaError.
        """
        if scope is not None and scope not in identity.scopes:
            msg = f"this needs the scope {scope.value}, which the key does not have"
            raise ScopeMissingError(msg)
        if not identity.key_id or not cost:
            return None
        return await self._limits.of_key(identity, cost)

    def _at_home(self, knock: Knock) -> bool:
        return knock.local and knock.key is None and not self._asks_for_keys

    def _keyless(self, knock: Knock) -> Identity:
        if self._at_home(knock):
            return LOCAL
        if self._open:
            return ANYONE
        msg = "show an API key: Authorization: Bearer …, or X-API-Key: …"
        raise KeyMissingError(msg)
