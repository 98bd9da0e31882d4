"""The markets that questions name, remembered while the warm tier that lists them is away.

What is remembered was true when it was last read: a market does not vanish, and a finer scale comes
with the trades that need it.
"""

from typing import Final

from cloud_marketdata.api.questions import MarketQuestion
from cloud_marketdata.core.errors import StorageError, UnknownMarketError
from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.storage.ports import InstrumentRepository

_NAMED: Final = 20


class KnownMarkets:
    """Finds the instrument of a question."""

    def __init__(self, instruments: InstrumentRepository) -> None:
        self._instruments = instruments
        self._seen: dict[tuple[Venue, str], Instrument] = {}

    async def find(self, question: MarketQuestion) -> Instrument:
        """Return the instrument; raises UnknownMarketError, naming those that there are."""
        if question.venue in set(Venue):
            found = await self._find(Venue(question.venue), question.symbol)
            if found is not None:
                self._seen[found.venue, found.symbol] = found
                return found
        raise UnknownMarketError(await self._unknown(question))

    async def _find(self, venue: Venue, symbol: str) -> Instrument | None:
        try:
            return await self._instruments.find(venue, symbol)
        except StorageError:
            if (venue, symbol) not in self._seen:
                raise
            return self._seen[venue, symbol]

    async def _unknown(self, question: MarketQuestion) -> str:
        known = [f"{i.venue}/{i.symbol}" for i in await self._instruments.all()]
        more = f" and {len(known) - _NAMED} more" if len(known) > _NAMED else ""
        there = ", ".join(known[:_NAMED]) or "no market yet"
        asked = f"{question.venue[:40]}/{question.symbol[:40]}"
        return f"{asked} is not collected here; there is {there}{more}"
