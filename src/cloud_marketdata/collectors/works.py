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
from cloud_marketdata.collectors.sharing.succession import succeed
from cloud_marketdata.collectors.tapes.backfill import Backfill
from cloud_marketdata.collectors.tapes.tape import Restored, Tapes
from cloud_marketdata.domain.events import StatusKind, TradeEvent
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

    def follow(self, instruments: Sequence[Instrument]) -> None:
        """Begin to hear symbols that are not ours, from tapes of which nothing is known."""
        for instrument in instruments:
            for rulers in self.rulers:
                rulers[instrument.symbol] = Ruler(instrument)
            self.tapes.restore(instrument.symbol, Restored())
        self.fleet.add([instrument.symbol for instrument in instruments])

    def succeed(
        self, symbol: str, stored: StoredTape, held: Sequence[TradeEvent], at: int
    ) -> list[Batch]:
        """Go on with a followed symbol as ours; returns what is to be appended of it."""
        desk = self.desks[symbol]
        desk.take_gaps()
        succeed(desk, self.tapes.restore(symbol, stored.tape), stored, held, at)
        for gap in (*stored.gaps, *desk.take_gaps()):
            self.backfill.request(symbol, gap)
        return list(desk.take())

    def last_words(self, symbols: Sequence[str], at: int) -> list[Batch]:
        """Return what was collected up to now and a word that nothing was lost until then."""
        for symbol in symbols:
            self.backfill.forget(symbol)
            self.desks[symbol].alive(at)
        return [batch for symbol in symbols for batch in self.desks[symbol].take()]

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
        return [batch for symbol in symbols for batch in self.desks.close(symbol).take()]
