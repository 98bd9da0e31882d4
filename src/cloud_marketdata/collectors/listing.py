"""What a venue lists of the symbols that are wanted, and the grid on which they are counted.

Without tick and lot nothing can be counted, so nothing is collected before the venue has answered.
A grid is never coarser than the stored one: what is stored must stay a whole number of steps.
"""

from collections.abc import Sequence
from typing import NamedTuple

from cloud_marketdata.collectors.base import unknown
from cloud_marketdata.collectors.rest.client import Rest
from cloud_marketdata.collectors.venues import VENUES
from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.storage.ports import InstrumentRepository


class Listed(NamedTuple):
    """The instruments found, and the symbols that the venue does not list."""

    instruments: list[Instrument]
    unknown: list[str]


async def listed(
    venue: Venue, symbols: Sequence[str], rest: Rest, stored: InstrumentRepository
) -> Listed:
    """Ask the venue for its symbols and remember them.

    Raises VenueError where it does not answer, StorageError where they cannot be remembered.
    """
    collector = VENUES[venue]
    found = [
        instrument
        for ask in collector.instrument_asks(symbols)
        for instrument in collector.decode_instruments(await rest.get(ask))
    ]
    wanted = [instrument for instrument in found if instrument.symbol in symbols]
    known = [await _known(instrument, stored) for instrument in wanted]
    if known:
        await stored.save(known)
    return Listed(known, unknown(symbols, known))


async def _known(given: Instrument, stored: InstrumentRepository) -> Instrument:
    before = await stored.find(given.venue, given.symbol)
    if before is None:
        return given
    scale = before.scale.meet(given.scale)
    if scale == before.scale:
        return before
    return Instrument(given.venue, given.symbol, scale, before.scale_version + 1)
