"""The health of the stores: redis (hot) and mongodb (warm) as their users know them, s3 (cold)."""

from collections.abc import Awaitable, Callable, Mapping

from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.core.health import Group, Pulse
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.storage.ports import HotPart, WarmPart

Probe = Callable[[], Awaitable[Mapping[str, object]]]
"""Asks a store for something small; returns what is worth knowing of it."""


class StorePulse:
    """One tier; `engine` says in the detail what really stands behind the name.

    Without the hot or the warm tier little can be answered. The cold one may lag for days, and is
    not among the `storage` that `/health` shows first.
    """

    def __init__(self, name: str, engine: str, probe: Probe) -> None:
        self._name = name
        self._engine = engine
        self._probe = probe
        self._vital = name in {"redis", "mongodb"}
        self._group: Group = "storage" if self._vital else "tiers"

    async def pulse(self) -> Pulse:
        """See core.health.Component."""
        detail: dict[str, object] = {"engine": self._engine}
        try:
            detail.update(await self._probe())
        except StorageError as error:
            detail["error"] = str(error)
            return self._told("unavailable", ok=False, detail=detail)
        return self._told("ok", ok=True, detail=detail)

    def _told(self, state: str, *, ok: bool, detail: dict[str, object]) -> Pulse:
        return Pulse(self._group, self._name, state, ok=ok, vital=self._vital, detail=detail)


def hot_pulse(part: HotPart, engine: str) -> StorePulse:
    """Return the pulse of a hot tier, by a small real read."""

    async def probe() -> Mapping[str, object]:
        await part.books.find(Venue.BINANCE_SPOT, "")
        return {}

    return StorePulse("redis", engine, probe)


def warm_pulse(part: WarmPart, engine: str) -> StorePulse:
    """Return the pulse of a warm tier, by a small real read."""

    async def probe() -> Mapping[str, object]:
        await part.instruments.find(Venue.BINANCE_SPOT, "")
        return {}

    return StorePulse("mongodb", engine, probe)
