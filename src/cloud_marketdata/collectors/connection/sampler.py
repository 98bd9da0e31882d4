"""Holds the venue's own best quotes against our books: one symbol at a time, a few seconds each.

The whole ticker stream would cost more than the book itself; a sample of it finds a wrong book just
as surely, only later. What came of it is counted by the lane; a difference fails the book closed.
"""

from typing import Final

from cloud_marketdata.collectors.connection.gear import Gear
from cloud_marketdata.collectors.connection.speech import Speech
from cloud_marketdata.collectors.lanes.intake import Intake

_FOR_S: Final = 3.0


class TickerSampler:
    """Samples the tickers of one connection's books."""

    def __init__(self, intake: Intake, speech: Speech, gear: Gear) -> None:
        self._intake = intake
        self._speech = speech
        self._gear = gear

    async def run(self) -> None:
        """Go round the symbols until cancelled."""
        turn = 0
        while True:
            await self._gear.clock.sleep(self._gear.settings.ticker_every_s)
            synced = sorted(symbol for symbol, lane in self._intake.lanes.items() if lane.synced)
            if synced:
                await self._sample(synced[turn % len(synced)])
                turn += 1

    async def _sample(self, symbol: str) -> None:
        topic = self._intake.collector.ticker(symbol)
        if topic is None:
            return
        self._speech.subscribe((topic,))
        await self._gear.clock.sleep(_FOR_S)
        self._speech.unsubscribe((topic,))
