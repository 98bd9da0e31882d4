"""Instruments in memory."""

from collections.abc import Sequence

from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.domain.values import Venue


class MemoryInstruments:
    """InstrumentRepository in memory."""

    def __init__(self) -> None:
        self._versions: dict[tuple[Venue, str], dict[int, Instrument]] = {}

    async def save(self, instruments: Sequence[Instrument]) -> None:
        """Store each version that is not there yet."""
        for one in instruments:
            versions = self._versions.setdefault((one.venue, one.symbol), {})
            versions.setdefault(one.scale_version, one)

    async def find(self, venue: Venue, symbol: str) -> Instrument | None:
        """Return the newest version, or None."""
        versions = self._versions.get((venue, symbol))
        return versions[max(versions)] if versions else None

    async def all(self) -> list[Instrument]:
        """Return the newest version of each, sorted by venue and symbol."""
        return [versions[max(versions)] for _, versions in sorted(self._versions.items())]
