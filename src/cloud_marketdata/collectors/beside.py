"""What goes to the stores beside the log: books, refined instruments and rejections.

None of it may hold up the log, so a task each brings it, tries again while its store is away, and
merges meanwhile: a newer view of a book supersedes the older one, counts add up. What a store has
not taken when the end comes is told and left: the log holds all that anything is computed from.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Hashable, Iterable, Sequence
from typing import Final, Generic, Protocol, TypeVar

import structlog

from cloud_marketdata.collectors.rejections import Rejections
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.domain.events import Rejection
from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.storage.ports import BookView, Quarantine, Stores

T = TypeVar("T")

_RETRY_S: Final = 0.5
_MOST_SAMPLES: Final = 1_000


class Load(Protocol):
    """What waits for a store."""

    def __len__(self) -> int:
        """Return how much waits."""
        ...

    async def bring(self) -> None:
        """Give it to the store; raises StorageError, and then it waits as before."""
        ...


class Latest(Generic[T]):
    """The newest item of each key; there are never more than keys."""

    def __init__(
        self, key: Callable[[T], Hashable], store: Callable[[Sequence[T]], Awaitable[None]]
    ) -> None:
        self._key = key
        self._store = store
        self._items: dict[Hashable, T] = {}

    def __len__(self) -> int:
        """See Load."""
        return len(self._items)

    def put(self, items: Iterable[T]) -> None:
        """Have the items wait, each in place of an older one of its key."""
        for item in items:
            self._items[self._key(item)] = item

    async def bring(self) -> None:
        """See Load."""
        held = dict(self._items)
        await self._store(list(held.values()))
        for key, item in held.items():
            if self._items[key] is item:
                del self._items[key]


class Rejected:
    """Counts of rejected input, and the newest thousand samples; `left_out` counts the others."""

    def __init__(self, rejections: Rejections, quarantine: Quarantine) -> None:
        self.left_out = 0
        self._rejections = rejections
        self._quarantine = quarantine
        self._counts: Counter[tuple[Venue, str]] = Counter()
        self._samples: deque[Rejection] = deque(maxlen=_MOST_SAMPLES)

    def __len__(self) -> int:
        """See Load."""
        return len(self._counts) + self._rejections.pending

    async def bring(self) -> None:
        """See Load."""
        counts, samples = self._rejections.take()
        self._counts.update(counts)
        self.left_out += max(0, len(self._samples) + len(samples) - _MOST_SAMPLES)
        self._samples.extend(samples)
        await self._quarantine.record(dict(self._counts), list(self._samples))
        self._counts.clear()
        self._samples.clear()


class Errand:
    """Brings one load for as long as it runs."""

    def __init__(self, name: str, load: Load, clock: Clock) -> None:
        self._name = name
        self._load = load
        self._clock = clock
        self._away = False
        self._closing = False
        self._arrived = asyncio.Event()
        self._log = structlog.get_logger()

    def wake(self) -> None:
        """Note that something may wait."""
        self._arrived.set()

    def close(self) -> None:
        """Let `run` end after one more attempt."""
        self._closing = True
        self._arrived.set()

    async def run(self) -> None:
        """Bring what comes until `close`."""
        while not self._closing:
            await self._arrived.wait()
            self._arrived.clear()
            if not await self._brought():
                self._arrived.set()
                await self._clock.sleep(_RETRY_S)
        if not await self._brought():
            self._log.error("writer.left", what=self._name, count=len(self._load))

    async def _brought(self) -> bool:
        """Bring everything; False where the store is away, which is told once."""
        while self._load:
            try:
                await self._load.bring()
            except StorageError as error:
                if not self._away:
                    self._log.warning("writer.store_away", what=self._name, error=str(error))
                self._away = True
                return False
            self._away = False
        return True


class Beside:
    """The three loads and those who bring them; `waiting` tells how much of each is left."""

    def __init__(self, stores: Stores, rejections: Rejections, clock: Clock) -> None:
        self._views: Latest[BookView] = Latest(_market, stores.books.publish)
        self._refined: Latest[Instrument] = Latest(_scale, stores.instruments.save)
        self._rejections = rejections
        self._rejected = Rejected(rejections, stores.quarantine)
        self._books = Errand("books", self._views, clock)
        self._instruments = Errand("instruments", self._refined, clock)
        self._quarantine = Errand("rejections", self._rejected, clock)

    @property
    def waiting(self) -> dict[str, int]:
        """Views and instruments that wait, and rejections by reason; samples that were left out."""
        return {
            "books": len(self._views),
            "instruments": len(self._refined),
            "rejections": len(self._rejected),
            "samples_left_out": self._rejected.left_out,
        }

    def publish(self, views: Iterable[BookView]) -> None:
        """Have views published whose changes are in the log."""
        self._views.put(views)
        self._books.wake()

    def save(self, refined: Iterable[Instrument]) -> None:
        """Have refined instruments saved."""
        self._refined.put(refined)
        if self._refined:
            self._instruments.wake()

    def look(self) -> None:
        """Have rejections recorded, where there are new ones."""
        if self._rejections.pending:
            self._quarantine.wake()

    def close(self) -> None:
        """Let `run` end soon."""
        for errand in (self._books, self._instruments, self._quarantine):
            errand.close()

    async def run(self) -> None:
        """Bring everything until `close`, each to its store and none waiting for another."""
        async with asyncio.TaskGroup() as group:
            for errand in (self._books, self._instruments, self._quarantine):
                group.create_task(errand.run())


def _market(view: BookView) -> Hashable:
    return view.instrument.venue, view.instrument.symbol


def _scale(instrument: Instrument) -> Hashable:
    return instrument.venue, instrument.symbol, instrument.scale_version
