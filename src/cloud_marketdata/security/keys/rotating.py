"""The job that replaces keys in time and delivers the successors as files.

It runs in the processes that have a `key_dir`; a lease sees to it that one of them works. First the
successor is staged beside its file, then stored, then renamed into place. A process killed in
between leaves a successor that nobody ever saw: the next round finds that the file does not hold
it, and makes another in its place. The old key is in its grace all the while.
"""

import asyncio
from collections import Counter
from typing import Final

import structlog

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.errors import SettingsError, StorageError
from cloud_marketdata.core.health import Pulse
from cloud_marketdata.security.keys.events import KeyEvent, OnEvent
from cloud_marketdata.security.keys.folder import KeyFolder
from cloud_marketdata.security.keys.lifecycle import Line, is_valid
from cloud_marketdata.security.keys.lineages import Lineages
from cloud_marketdata.storage.security_ports import KeyRepository
from cloud_marketdata.storage.sharing_ports import Leases

_LEASE: Final = "key-rotation"
_LEASE_S: Final = 180.0
_EVERY_S: Final = 60.0


class Rotating:
    """Delivers successors into a folder; a Component.

    holder: what this process is called where it holds leases.
    """

    def __init__(
        self,
        repository: KeyRepository,
        leases: Leases,
        lineages: Lineages,
        folder: KeyFolder,
        clock: Clock,
        holder: str,
        on_event: OnEvent,
    ) -> None:
        self._repository = repository
        self._leases = leases
        self._lineages = lineages
        self._folder = folder
        self._clock = clock
        self._holder = holder
        self._on_event = on_event
        self._counts: Counter[str] = Counter(delivered=0, lost_races=0, failed_rounds=0)
        self._state = "idle"

    async def run(self) -> None:
        """Look for keys that are due, every minute, until cancelled."""
        while True:
            try:
                await self.round()
            except (OSError, SettingsError, StorageError) as error:
                self._state = "failing"
                self._counts["failed_rounds"] += 1
                structlog.get_logger().error("keys.rotation_failed", error=str(error))
            await self._clock.sleep(_EVERY_S)

    async def round(self) -> None:
        """Deliver what is due, unless another process does.

        Raises StorageError, OSError where the folder refuses, SettingsError without a pepper.
        """
        if await self._leases.acquire(_LEASE, self._holder, _LEASE_S) is None:
            self._state = "standby"
            return
        lock = await asyncio.to_thread(self._folder.owned)
        self._state = "standby" if lock is None else "ok"
        if lock is not None:
            with lock:
                await self._deliver_all()

    async def pulse(self) -> Pulse:
        """See core.health.Component."""
        ok = self._state != "failing"
        return Pulse("security", "key-rotation", self._state, ok=ok, detail={**self._counts})

    async def _deliver_all(self) -> None:
        for line in await self._lineages.lines():
            key = line.key
            if key.sink and not key.replaced_by and is_valid(key, self._clock.now()):
                held = await asyncio.to_thread(self._folder.held, key.sink)
                due = due_line(line, held, self._clock.now())
                if due is not None:
                    await self._deliver(due)

    async def _deliver(self, line: Line) -> None:
        proposal = self._lineages.next(line)
        record, text = proposal.minted
        await asyncio.to_thread(self._folder.stage, record.sink, text)
        if not await self._repository.change(proposal.records):
            # Somebody has changed the key meanwhile; the next round sees what became of it.
            self._counts["lost_races"] += 1
            await asyncio.to_thread(self._folder.discard, record.sink)
            return
        await asyncio.to_thread(self._folder.publish, record.sink)
        self._counts["delivered"] += 1
        self._on_event(KeyEvent("key.delivered", record, {"replaces": line.key.id}))


def due_line(line: Line, held: str, now: int) -> Line | None:
    """Return the line in which a valid key without a successor is to be succeeded now, or None.

    held: id of the key in its file. A key waits for its turn until its elder has ended, so that no
    grace is cut short. A first key is not delivered, so its file need not hold it.
    """
    key = line.key
    if key.generation and not key.used_at and held != key.id:
        return line.again() or line
    return line if now >= key.rotate_at and line.elder is None else None
