"""Names the tier that failed: who asks is told which one is away, and nothing of its inside.

Every port of the stores belongs to one tier. A question fails only where it asks a tier that is
away, so ranges that do not need it are answered as ever.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final, cast

from msgspec.structs import replace

from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.storage.ports import Stores

_TIERS: Final = {
    "hot": ("log", "trades", "books", "quarantine", "leases", "cache"),
    "warm": ("aggregates", "coverage", "instruments", "reconciliations", "flow"),
    "cold": ("objects", "archive"),
}


class TierAwayError(StorageError):
    """A tier is away or refuses, and the question needs it."""

    def __init__(self, tier: str) -> None:
        super().__init__(f"the {tier} tier is away, and this needs it; try again in a moment")
        self.tier = tier


def with_named_tiers(stores: Stores) -> Stores:
    """Return the same stores, whose failures say which tier they come from."""
    named = {
        port: cast("Any", _Named(getattr(stores, port), tier))
        for tier, ports in _TIERS.items()
        for port in ports
    }
    return replace(stores, **named)


class _Named:
    """A port whose StorageErrors become TierAwayErrors."""

    def __init__(self, port: object, tier: str) -> None:
        self._port = port
        self._tier = tier

    def __getattr__(self, name: str) -> Callable[..., Awaitable[object]]:
        method = getattr(self._port, name)

        async def call(*given: object, **named: object) -> object:
            try:
                return await method(*given, **named)
            except StorageError as error:
                raise TierAwayError(self._tier) from error

        return call
