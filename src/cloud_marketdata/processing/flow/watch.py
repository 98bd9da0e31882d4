"""An analyst at work beside a market's worker, which must not feel it.

It has a share of each turn, and none while there is nothing to do. What goes wrong here is told and
tried again from the checkpoint; only the loss of the market itself is handed on to the owner.
"""

from collections import Counter
from math import inf
from typing import Final

import structlog

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.errors import FencedError, StorageError
from cloud_marketdata.processing.flow.analyst import Analyst
from cloud_marketdata.processing.flow.registry import FOLDS
from cloud_marketdata.storage.ports import Stores, Stream, StreamKind

_LOOK_S: Final = 0.1
_RETRY_S: Final = 1.0
_BROKEN_S: Final = 60.0
_ALL: Final = 1 << 62


class Watch:
    """Keeps one market analysed while it is ours; `analyst` is None while nobody is at work.

    trouble: what goes wrong at the moment, or nothing. due: when it wants a turn though nothing is
    appended, by the clock's monotonic seconds.
    """

    def __init__(
        self,
        stream: Stream,
        stores: Stores,
        clock: Clock,
        settings: Settings,
        tally: Counter[str],
    ) -> None:
        self.analyst: Analyst | None = None
        self.trouble = ""
        self.due = inf
        self._stream = stream
        self._stores = stores
        self._clock = clock
        self._settings = settings
        self._tally = tally
        self._fence: int | None = None
        self._broken = False
        self._look_at = 0.0
        self._log = structlog.get_logger().bind(venue=stream.venue, symbol=stream.symbol)

    def begin(self, fence: int) -> None:
        """Have the market analysed from now on, under the owner's fence."""
        self.drop()
        self._fence = fence if self._settings.signals else None
        self._broken = False
        self._look_at = 0.0

    def drop(self) -> None:
        """Let go of all that is in memory."""
        self.analyst = None
        self._fence = None
        self.trouble = ""
        self.due = inf

    def needed(self, kind: StreamKind) -> int:
        """Return the position above which the log is needed; who broke needs nothing of it."""
        if self._fence is None or self._broken:
            return _ALL
        return self.analyst.needed[kind] if self.analyst else 0

    async def turn(self) -> bool:
        """Do a share of the work, if it is time; return whether there is more. See `_failed`."""
        now = self._clock.monotonic()
        if self._fence is None:
            return False
        if now < self._look_at:
            self.due = self._look_at
            return False
        busy = False
        try:
            analyst = self.analyst or await self._begun(self._fence)
            busy = analyst.full or await analyst.step()
            await analyst.save(at_once=analyst.full)
        except FencedError:
            raise
        except Exception as error:  # noqa: BLE001  a fold may break in any way, and bars go on
            return self._failed(error)
        self.trouble, self._broken = "", False
        self.due = analyst.due
        if not busy:
            self._look_at = now + _LOOK_S
        return busy

    async def save(self) -> None:
        """Store what was told, so that whoever comes next goes on from there."""
        try:
            if self.analyst:
                await self.analyst.save(at_once=True)
        except FencedError:
            raise
        except Exception as error:  # noqa: BLE001  a fold may break in any way, and bars go on
            self._failed(error)

    async def finish(self) -> None:
        """Tell and store what the log still holds; where that fails the next start will do it."""
        if self._fence is None or self._broken:
            return
        try:
            analyst = self.analyst or await self._begun(self._fence)
            await analyst.finish()
        except FencedError:
            raise
        except Exception as error:  # noqa: BLE001  a fold may break in any way, and bars go on
            self._failed(error)

    async def _begun(self, fence: int) -> Analyst:
        analyst = Analyst(
            self._stream,
            self._stores,
            self._clock,
            self._settings,
            kinds=FOLDS,
            fence=fence,
            tally=self._tally,
        )
        await analyst.restore()
        self.analyst = analyst
        return analyst

    def _failed(self, error: Exception) -> bool:
        """Tell of a store that is away, or of a fold that broke: bars go on without signals."""
        away = isinstance(error, StorageError)
        if str(error) != self.trouble:
            self._log.warning("analyst.failed", error=repr(error), exc_info=not away)
        self.trouble = str(error) or repr(error)
        if not away:
            self.analyst, self._broken = None, True
            self._tally["flow_broken"] += 1
        self.due = self._look_at = self._clock.monotonic() + (_RETRY_S if away else _BROKEN_S)
        return False
