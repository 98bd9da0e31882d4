"""A capture that was collected, processed and then left at rest, with a clock that stands still.

Everything is ours and real: the collector's decoding, the log, the workers and analysts, the books.
Only the venue and the passing of time are missing, so whoever asks twice gets the same answer.
"""

import asyncio
from collections.abc import Sequence
from itertools import islice
from random import Random
from typing import Final

import pytest
from processes import DATA

from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.core.config import Settings
from cloud_marketdata.domain.values import NS_PER_MS, Venue
from cloud_marketdata.processing.crew import Crew
from cloud_marketdata.replay.instruments import read_instruments
from cloud_marketdata.replay.player import Drop, Player
from cloud_marketdata.simulator.capture import Frame, read_capture
from cloud_marketdata.storage.membership import Membership
from cloud_marketdata.storage.ports import Batch, Stores

_AT_ONCE: Final = 500
_AFTER: Final = 250 * NS_PER_MS


class StillClock:
    """Shows one moment for ever; waiting takes as long as it does."""

    monotonic = staticmethod(SystemClock.monotonic)
    sleep = staticmethod(SystemClock.sleep)

    def __init__(self, now: int) -> None:
        self.time = now

    def now(self) -> int:
        """Tell the moment."""
        return self.time


def captured(*names: str) -> list[Frame]:
    """Return the frames of captures that are one recording; without them the test is skipped."""
    paths = [DATA / name for name in names]
    if not all(path.exists() for path in paths):
        pytest.skip("the captures are not beside the repository")
    return list(read_capture(paths))


def stopped_after(frames: Sequence[Frame]) -> StillClock:
    """Return a clock that shows the moment after the last frame."""
    return StillClock(frames[-1].received_at + _AFTER)


class Collector:
    """Decodes frames of a venue, of which some may be left out on purpose, into stores."""

    def __init__(
        self, stores: Stores, venue: Venue, settings: Settings, drop: Drop | None = None
    ) -> None:
        self._stores = stores
        self._levels = settings.book_levels
        self._instruments = read_instruments(DATA / "instruments.json", venue)
        self._player = Player(venue, self._instruments, drop)
        self._taken: list[Batch] = []
        self._player._fold = self._taken.extend

    async def collect(self, frames: Sequence[Frame]) -> None:
        """Log what frames say, in portions, and publish the books behind each of them."""
        await self._stores.instruments.save(self._instruments)
        rest = iter(frames)
        while portion := list(islice(rest, _AT_ONCE)):
            self._player.play(portion)
            await self._stores.log.append(self._taken)
            self._taken.clear()
            views = self._player.intake.views(self._levels, portion[-1].received_at, quiet=True)
            await self._stores.books.publish(views)


async def process(stores: Stores, clock: StillClock, settings: Settings) -> None:
    """Have workers and analysts work off the log, and save what they made."""
    random = Random(0)  # noqa: S311 - nothing is guarded by it
    members = Membership(stores.members, "process", "resting", seconds=10, clock=clock)
    crew = Crew(stores, settings, clock, random, forget=_nothing, membership=members)
    await crew.finish()


async def _nothing(*_: object) -> None:
    await asyncio.sleep(0)
