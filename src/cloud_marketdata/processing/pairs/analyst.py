"""The awaiting part of a pair: read both markets' logs, tell the stage, save what it said.

Minutes and signals are stored with the checkpoint that includes them, in one transaction; so a
restart goes on exactly there. A save that failed is tried again with all that was told since, and
while too much is unsaved nothing more is read. It acknowledges nothing: the log belongs to others,
who keep it for the time of the hot tier.
"""

from collections import Counter
from typing import Final

from cloud_marketdata.domain.signal import Signal
from cloud_marketdata.processing.pairs.following import Following
from cloud_marketdata.processing.pairs.likes import Pair
from cloud_marketdata.processing.pairs.stage import Output, PairStage
from cloud_marketdata.storage.flow_ports import FlowChanges
from cloud_marketdata.storage.ports import Stores

PAGE: Final = 200
MOST_UNSAVED: Final = 240


class PairAnalyst:
    """Works on one pair under one fence; of no use any more once that has been fenced off.

    lateness: ns by which an entry may arrive in its log after a later one in another. `tally`
    counts minutes and tellings that were stored, and outlives it.
    """

    def __init__(
        self, pair: Pair, stores: Stores, lateness: int, *, fence: int, tally: Counter[str]
    ) -> None:
        self.pair = pair
        self._tally = tally
        self._stores = stores
        self._lateness = lateness
        self._fence = fence
        self._stage = PairStage(pair)
        self._following = Following(self._stage.places, lateness)
        self._unsaved = Output()

    @property
    def full(self) -> bool:
        """Whether so much is unsaved that nothing more may be read."""
        return len(self._unsaved.minutes) >= MOST_UNSAVED

    @property
    def warming(self) -> tuple[str, ...]:
        """What has no baseline yet."""
        return self._stage.warming

    async def restore(self) -> None:
        """Show the fence and take up what was stored; raises FencedError or StorageError."""
        stored = await self._stores.flow.claim(self.pair.subject, fence=self._fence)
        self._stage = PairStage(self.pair, stored)
        self._following = Following(self._stage.places, self._lateness)
        self._unsaved = Output()

    async def step(self) -> bool:
        """Read a page of each stream and tell what may be told; return whether more is there."""
        streams, busy = self.pair.streams, False
        for index, after in self._following.wanted():
            records = await self._stores.log.read(streams[index], after=after, limit=PAGE)
            more = len(records) >= PAGE
            self._following.take(index, records, more=more)
            busy = busy or more
        for told in self._following.release():
            self._stage.take(told)
        return busy

    async def save(self) -> None:
        """Store what was told, if anything was, with the checkpoint that includes it."""
        told = self._stage.taken()
        unsaved = self._unsaved
        unsaved.minutes += told.minutes
        unsaved.signals += told.signals
        if not unsaved.minutes and not unsaved.signals:
            return
        checkpoint = self._stage.checkpoint(self._following.places)
        changes = FlowChanges(checkpoint, unsaved.minutes, _last_told(unsaved.signals))
        await self._stores.flow.save(self.pair.subject, changes, fence=self._fence)
        self._tally["minutes"] += len(unsaved.minutes)
        self._tally["signals"] += len(unsaved.signals)
        self._unsaved = Output()

    async def finish(self) -> None:
        """Read all there is and save; what is younger than the lateness is left to the next."""
        while not self.full and await self.step():
            await self.save()
        await self.save()


def _last_told(signals: list[Signal]) -> list[Signal]:
    """Return each signal once, as it was told last."""
    return list({signal.id: signal for signal in signals}.values())
