"""The analysis of one market: read its log, play it on the stage, save what was told.

It reads beside the worker and stands where its own checkpoint says. Minutes, signals and checkpoint
are stored together, so after a restart it tells exactly what it would have told. It refuses nothing
but to go on while too much is unsaved.
"""

from collections import Counter
from collections.abc import Sequence
from math import inf
from typing import Final

import structlog

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.config import Settings
from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.domain.signal import Subject
from cloud_marketdata.domain.values import NS_PER_MS
from cloud_marketdata.processing.flow.checkpoint import UnreadableError, resumed, written
from cloud_marketdata.processing.flow.merging import RELEASE_STEP, Merge
from cloud_marketdata.processing.flow.moments import Fold
from cloud_marketdata.processing.flow.places import Released
from cloud_marketdata.processing.flow.stage import Stage
from cloud_marketdata.processing.flow.unsaved import Unsaved
from cloud_marketdata.storage.flow_ports import FlowChanges
from cloud_marketdata.storage.ports import Record, Stores, Stream, StreamKind

_READ: Final = 32
_FACTS_FIRST: Final = (StreamKind.STATUS, StreamKind.BOOK, StreamKind.TRADES)


class Analyst:
    """Analyses one market under the fence of its owner, with one fold of each of the kinds.

    `needed` are the positions of the checkpoint: the log is needed above them. `tally` counts what
    is to be told of it and outlives it: signals told, late trades, folds begun anew.
    """

    def __init__(
        self,
        stream: Stream,
        stores: Stores,
        clock: Clock,
        settings: Settings,
        *,
        kinds: Sequence[type[Fold]],
        fence: int,
        tally: Counter[str],
    ) -> None:
        self.stage: Stage | None = None
        self.needed = dict.fromkeys(_FACTS_FIRST, 0)
        self._subject = Subject.market(stream.venue, stream.symbol)
        self._stream = stream
        self._stores = stores
        self._clock = clock
        self._fence = fence
        self._kinds = kinds
        self._tally = tally
        self._merge = Merge(settings.lateness_ms * NS_PER_MS)
        self._pause = settings.save_ms / 1000
        self._save_at = 0.0
        self._unsaved = Unsaved(stream)
        self._read: dict[StreamKind, int] = {}
        self._log = structlog.get_logger().bind(venue=stream.venue, symbol=stream.symbol)

    @property
    def full(self) -> bool:
        """Whether so much is unsaved that nothing more may be read."""
        return self._unsaved.full

    @property
    def due(self) -> float:
        """When what is unsaved has waited long enough, by the clock's monotonic seconds."""
        return self._save_at if self._unsaved.any else inf

    @property
    def warming(self) -> int:
        """How many folds have baselines that are not full yet."""
        return len(self.stage.warming) if self.stage else len(self._kinds)

    async def restore(self) -> None:
        """Show the fence, and stand where the last analyst of this market stood.

        A checkpoint that cannot be read is told, and the log is analysed from its beginning.
        Raises FencedError where somebody newer has been here.
        """
        data = await self._stores.flow.claim(self._subject, fence=self._fence)
        try:
            if data is not None:
                self._resume(data)
        except UnreadableError as error:
            self._tally["flow_begun_anew"] += len(self._kinds)
            self._log.error("analyst.checkpoint_unreadable", error=str(error))
        self._note_needed()
        self._read = dict(self.needed)
        self._log.info("analyst.restored", positions=self._read)

    async def step(self) -> bool:
        """Read a share of the log and tell what may be told; return whether there may be more."""
        wanted = [kind for kind in _FACTS_FIRST if self._merge.wants(kind)]
        # All or none is taken, so that a failure on the way leaves nothing half done.
        pages = [(kind, await self._page(kind)) for kind in wanted]
        for kind, records in pages:
            self._merge.take(kind, records, more=len(records) == _READ)
            if records:
                self._read[kind] = records[-1].position
        self._release()
        if self.stage is None:
            self._note_needed()
        return len(wanted) < len(_FACTS_FIRST) or any(len(records) == _READ for _, records in pages)

    async def save(self, *, at_once: bool = False) -> None:
        """Store what was told with the checkpoint that includes it, where it is time for that.

        A minute is stored when it is over; signals alone wait for `save_ms`.
        """
        stage, unsaved = self.stage, self._unsaved
        now = self._clock.monotonic()
        due = at_once or unsaved.minute or (unsaved.any and now >= self._save_at)
        if stage is None or not due:
            return
        await unsaved.mend(self._stores.flow, self._stores.trades)
        minutes, signals = unsaved.content()
        changes = FlowChanges(written(stage, self._merge.cut), minutes, signals)
        await self._stores.flow.save(self._subject, changes, fence=self._fence)
        unsaved.saved()
        self._tally["flow_signals"] += len(signals)
        self._save_at = now + self._pause
        self._note_needed()

    async def finish(self) -> None:
        """Tell and store what the log still holds; for a time when nobody appends any more."""
        while await self.step():
            if self.full:
                await self.save(at_once=True)
        self._release(step=1)
        await self.save(at_once=True)

    async def _page(self, kind: StreamKind) -> list[Record]:
        stream = self._stream._replace(kind=kind)
        return await self._stores.log.read(stream, after=self._read[kind], limit=_READ)

    def _resume(self, data: bytes) -> None:
        found = resumed(data, self._subject, self._kinds)
        self.stage, self._merge = found.stage, self._merge.resumed(found.cut)
        if found.anew:
            self._tally["flow_begun_anew"] += len(found.anew)
            self._log.warning("analyst.begun_anew", folds=found.anew)

    def _release(self, step: int = RELEASE_STEP) -> None:
        released = self._merge.release(step=step)
        if released:
            self._tell(released)

    def _tell(self, released: Released) -> None:
        if self.stage is None:
            # Facts from before the first trade or change of a book are about nothing yet.
            instrument = _first_instrument(released)
            if instrument is None:
                return
            self.stage = Stage(self._subject, instrument, [kind() for kind in self._kinds])
        self.stage.tell(released)
        minutes, signals = self.stage.take()
        self._unsaved.add(minutes, signals, self.stage.minutes.take_late())
        self._tally["flow_late"] += len(released.late)

    def _note_needed(self) -> None:
        self.needed = {kind: self._merge.after(kind) for kind in _FACTS_FIRST}


def _first_instrument(released: Released) -> Instrument | None:
    """Return the grid of the first event that has one."""
    firsts = [(one.exchange_time, one.instrument) for one in released.trades[:1]]
    firsts += [(time, change.instrument) for time, change in released.book[:1]]
    return min(firsts, key=lambda first: first[0])[1] if firsts else None
