"""One market as this process sees it: its own, with a worker under a lease, or somebody else's.

Beside the worker an analyst reads the same log, under the same lease and the same token.

Owning ends when the lease is lost or the store has seen a newer token. Then all that is held in
memory is dropped; the store and the log have it, and the next owner goes on from there. It ends in
order where the market is another member's by rank, who stands ready: all is saved before. While a
store is away nothing is dropped: reading and saving are tried again, each for itself.
"""

from contextlib import suppress
from typing import Final
from zlib import crc32

import structlog

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.errors import FencedError, StorageError
from cloud_marketdata.processing.flow.watch import Watch
from cloud_marketdata.processing.handover import Handover
from cloud_marketdata.processing.tally import Tally
from cloud_marketdata.processing.tenure import Tenure
from cloud_marketdata.processing.worker import Worker
from cloud_marketdata.storage.membership import Membership
from cloud_marketdata.storage.ports import Stores, Stream
from cloud_marketdata.storage.tiering.ports import Forget

_IDLE_S: Final = 1.0
_RETRY_S: Final = 1.0


class Owner:
    """Keeps one market worked on by exactly one process; `worker` is None while it is not ours.

    Counts in `tally`: tenures that were lost and given away, and what its workers count there.
    """

    def __init__(
        self,
        stream: Stream,
        stores: Stores,
        clock: Clock,
        settings: Settings,
        *,
        membership: Membership,
        forget: Forget,
        tally: Tally,
    ) -> None:
        self.worker: Worker | None = None
        self._stream = stream
        self._stores = stores
        self._clock = clock
        self._settings = settings
        self._forget = forget
        self._tally = tally
        self.watch = Watch(stream, stores, clock, settings, tally)
        name = f"worker/{stream.venue}/{stream.symbol}"
        leases, lease_s = stores.leases, settings.lease_s
        self._tenure = Tenure(leases, name, membership.name, lease_s, clock)
        self._handover = Handover(name, membership, leases, lease_s, clock)
        self._trouble: dict[str, str] = {}
        self._save_at = self._forget_at = 0.0
        self._log = structlog.get_logger().bind(venue=stream.venue, symbol=stream.symbol)

    @property
    def trouble(self) -> str:
        """What goes wrong at the moment, or nothing."""
        flow = {"analysing": self.watch.trouble} if self.watch.trouble else {}
        return "; ".join(f"{what}: {error}" for what, error in (self._trouble | flow).items())

    async def run(self) -> None:
        """Work on the market whenever it is ours, until cancelled."""
        try:
            while True:
                await self._clock.sleep(await self._own())
        except Exception as error:
            self._drop()
            self._trouble["died"] = repr(error)
            raise

    async def finish(self) -> None:
        """Save what the log still holds, and let the market go; nobody appends any more.

        Where that cannot be done now it is told: the log has it, and the next start will do it.
        """
        try:
            await self._finish()
        except StorageError as error:
            unsaved = self.worker.windows.unsaved if self.worker else 0
            self._log.error("worker.not_saved", error=str(error), buckets=unsaved)
        with suppress(StorageError):
            await self._tenure.end()

    async def _finish(self) -> None:
        if self.worker:
            try:
                await self._tenure.keep()
                await self.worker.finish()
                await self.watch.finish()
            except FencedError as error:
                self._lose(error)
            else:
                return
        # What others may take they take from the log.
        worker = await self._take() if self._handover.alone else None
        if worker:
            await worker.finish()
            await self.watch.finish()

    async def _own(self) -> float:
        """Own the market for as long as it lasts; return the seconds until the next attempt."""
        try:
            worker = await self._begin()
            while worker and worker is self.worker:
                await self._turn(worker)
        except FencedError as error:
            if self.worker:
                self._lose(error)
            else:
                self._note("restoring", error)
            # The next token is higher, also where nobody else wants the lease.
            with suppress(StorageError):
                await self._tenure.end()
        except StorageError as error:
            self._note("restoring", error)
        else:
            return self._handover.pause
        return min(_RETRY_S, self._settings.lease_s / 3)

    async def _begin(self) -> Worker | None:
        """Take the market where it is our turn, or say that we stand ready for it."""
        self._drop()
        worker = None
        if self._handover.wants():
            # Who cannot reach what it would restore from leaves the market to those who can.
            await self._stores.aggregates.position(self._stream.venue, self._stream.symbol)
            worker = await self._take()
            if not worker:
                await self._handover.ask()
        if not worker:
            self._trouble.clear()
        return worker

    async def _take(self) -> Worker | None:
        """Take the lease, and load where its last owner stood; None where another has it."""
        self._drop()
        if not await self._tenure.begin():
            return None
        worker = Worker(
            self._stream,
            self._stores,
            self._clock,
            self._settings,
            fence=self._tenure.token,
            tally=self._tally,
        )
        try:
            await worker.restore()
        except StorageError:
            with suppress(StorageError):
                await self._tenure.end()
            raise
        self.watch.begin(self._tenure.token)
        worker.needed = self.watch.needed
        self._trouble.pop("restoring", None)
        self._save_at = self._clock.monotonic() + self._settings.save_ms / 1000
        self._forget_at = self._clock.monotonic() + self._spread()
        self.worker = worker
        return worker

    async def _turn(self, worker: Worker) -> None:
        """Read once and save once, each as far as that is possible now."""
        held = worker.full
        busy = await self._read(worker)
        saved = await self._save(worker)
        busy = busy or (held and not worker.full)
        if await self._gave(worker) or await self.watch.turn() or busy:
            return
        if "reading" in self._trouble or worker.full:
            await self._clock.sleep(min(_RETRY_S, self._settings.lease_s / 3))
        else:
            stream, idle = self._stream, self._idle(saved=saved)
            await self._stores.log.wait(stream.venue, stream.symbol, idle)

    def _idle(self, *, saved: bool) -> float:
        """Return for how long there is nothing to do unless something is appended, in seconds."""
        now = self._clock.monotonic()
        quiet = saved and now < self._forget_at
        dues = [self.watch.due] if quiet else [self.watch.due, self._save_at]
        return max(0.0, min(_IDLE_S, self._settings.lease_s / 6, min(dues) - now))

    async def _read(self, worker: Worker) -> bool:
        try:
            await self._tenure.keep()
            busy = not worker.full and await worker.step()
        except FencedError:
            raise
        except StorageError as error:
            self._note("reading", error)
            return False
        self._trouble.pop("reading", None)
        return busy

    async def _save(self, worker: Worker) -> bool:
        """Save if it is time to; return whether all that was read before is saved."""
        now = self._clock.monotonic()
        if now < self._save_at and (not worker.full or "saving" in self._trouble):
            return False
        pause = self._settings.save_ms / 1000
        try:
            await worker.save()
            self._trouble.pop("saving", None)
            self._trouble.pop("died", None)
            if now >= self._forget_at:
                more = await worker.forget(self._forget)
                self._forget_at = now + (0 if more else self._settings.tiering_every_s)
        except FencedError:
            raise
        except StorageError as error:
            self._note("saving", error)
            pause = max(pause, min(_RETRY_S, self._settings.lease_s / 3))
        self._save_at = self._clock.monotonic() + pause
        return "saving" not in self._trouble

    async def _gave(self, worker: Worker) -> bool:
        """Save all there is and leave the market to its heir, where one stands ready."""
        try:
            if not await self._handover.asked():
                return False
            await worker.save()
            await self.watch.save()
            self._drop()
            self._tally["given"] += 1
            self._log.info("worker.given", position=worker.position)
            await self._tenure.end()
        except FencedError:
            raise
        except StorageError as error:
            self._note("giving", error)
        return self.worker is None

    def _note(self, what: str, error: StorageError) -> None:
        if self._trouble.get(what) != str(error):
            self._log.warning("worker.storage_away", during=what, error=str(error))
        self._trouble[what] = str(error)

    def _lose(self, error: FencedError) -> None:
        unsaved = self.worker.windows.unsaved if self.worker else 0
        self._tally["lost"] += 1
        self._log.warning("worker.lost", error=str(error), dropped_buckets=unsaved)
        self._drop()

    def _drop(self) -> None:
        self.worker = None
        self.watch.drop()

    def _spread(self) -> float:
        """Return a share of the time between two forgettings that is the market's own."""
        share = crc32(f"{self._stream.venue}/{self._stream.symbol}".encode()) / (1 << 32)
        return share * self._settings.tiering_every_s
