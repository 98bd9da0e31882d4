"""What a feed consists of while it runs, and how a symbol enters and leaves all of it at once.

Neither waits for anything, so nobody ever sees a symbol that is only half there.
"""

from collections.abc import Sequence
from typing import NamedTuple

from cloud_marketdata.collectors.connection.fleet import Fleet
from cloud_marketdata.collectors.lanes.desk import Desks
from cloud_marketdata.collectors.lanes.rulers import Ruler, Rulers
from cloud_marketdata.collectors.rest.client import Rest
from cloud_marketdata.collectors.restoring import StoredTape
from cloud_marketdata.collectors.tapes.backfill import Backfill
from cloud_marketdata.collectors.tapes.tape import Tapes
from cloud_marketdata.domain.events import StatusKind
from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.storage.ports import Batch


class Found(NamedTuple):
    """Instruments to collect with their stored tapes, and the symbols the venue does not list."""

    tapes: list[tuple[Instrument, StoredTape]]
    unknown: list[str]


class Works(NamedTuple):
    """The parts of one venue; `rulers` are those of trades and of books."""

    rest: Rest
    rulers: tuple[Rulers, Rulers]
    tapes: Tapes
    desks: Desks
    backfill: Backfill
    fleet: Fleet

    def add(self, found: Found, at: int) -> None:
        """Begin to collect; `at` is now in ns."""
        for instrument, stored in found.tapes:
            symbol = instrument.symbol
            for rulers in self.rulers:
                rulers[symbol] = Ruler(instrument)
            self.tapes.restore(symbol, stored.tape)
            self.desks[symbol].tell(StatusKind.STARTED, at, {})
            for gap in stored.gaps:
                self.backfill.request(symbol, gap)
        self.fleet.add([instrument.symbol for instrument, _ in found.tapes])

    def remove(self, symbols: Sequence[str]) -> list[Batch]:
        """Collect no more; returns what is still to be appended."""
        for symbol in symbols:
            # Frames that are still on their way are refused as unknown from here on.
            for rulers in self.rulers:
                rulers.pop(symbol, None)
        self.fleet.remove(symbols)
        for symbol in symbols:
            self.backfill.forget(symbol)
            self.tapes.pop(symbol, None)
        return [batch for symbol in symbols for batch in self.desks.pop(symbol).take()]
