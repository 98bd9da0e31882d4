"""Instruments in MongoDB, every version of each."""

from collections.abc import Sequence
from decimal import Decimal

from pymongo import DESCENDING, UpdateOne

from cloud_marketdata.domain.instrument import Instrument, Scale
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.storage.mongo.names import ALL_MARKETS, Document, Documents, of_market
from cloud_marketdata.storage.mongo.refusals import translated
from cloud_marketdata.storage.mongo.unbroken import unbroken


class MongoInstruments:
    """InstrumentRepository in MongoDB."""

    def __init__(self, instruments: Documents) -> None:
        self._instruments = instruments

    @unbroken
    async def save(self, instruments: Sequence[Instrument]) -> None:
        """Store each version that is not there yet."""
        writes = [_write(instrument) for instrument in instruments]
        if writes:
            with translated():
                await self._instruments.bulk_write(writes)

    @unbroken
    async def find(self, venue: Venue, symbol: str) -> Instrument | None:
        """Return the newest version, or None."""
        newest = [("scale_version", DESCENDING)]
        with translated():
            found = await self._instruments.find_one(of_market(venue, symbol), sort=newest)
        return _read(found) if found else None

    @unbroken
    async def all(self) -> list[Instrument]:
        """Return the newest version of each, sorted by venue and symbol."""
        with translated():
            found = await self._instruments.find(comment=ALL_MARKETS).to_list()
        versions = sorted(map(_read, found), key=lambda one: one.scale_version)
        newest = {(one.venue, one.symbol): one for one in versions}
        return [newest[key] for key in sorted(newest)]


def _write(one: Instrument) -> UpdateOne:
    key = {**of_market(one.venue, one.symbol), "scale_version": one.scale_version}
    scale = {"tick": str(one.scale.tick), "lot": str(one.scale.lot)}
    return UpdateOne(key, {"$setOnInsert": scale}, upsert=True)


def _read(found: Document) -> Instrument:
    scale = Scale(Decimal(found["tick"]), Decimal(found["lot"]))
    return Instrument(Venue(found["venue"]), found["symbol"], scale, found["scale_version"])
