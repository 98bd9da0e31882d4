"""The health of the stores, under the names their users know: redis (hot), mongodb (warm)."""

from collections.abc import Awaitable, Callable

from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.core.health import Pulse
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.storage.ports import Stores


class StorePulse:
    """One tier; `engine` says in the detail what really stands behind the name."""

    def __init__(self, name: str, engine: str, probe: Callable[[], Awaitable[object]]) -> None:
        self._name = name
        self._engine = engine
        self._probe = probe

    async def pulse(self) -> Pulse:
        """See core.health.Component."""
        detail: dict[str, object] = {"engine": self._engine}
        try:
            await self._probe()
        except StorageError as error:
            detail["error"] = str(error)
            return Pulse("storage", self._name, "unavailable", ok=False, vital=True, detail=detail)
        return Pulse("storage", self._name, "ok", ok=True, vital=True, detail=detail)


def tiers(stores: Stores, engine: str) -> list[StorePulse]:
    """Return the pulses of the hot and the warm tier, each by a small real read."""

    async def hot() -> None:
        await stores.books.find(Venue.BINANCE_SPOT, "")

    async def warm() -> None:
        await stores.instruments.find(Venue.BINANCE_SPOT, "")

    return [StorePulse("redis", engine, hot), StorePulse("mongodb", engine, warm)]
