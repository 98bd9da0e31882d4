"""What goes on beside the writing: anchors, the cold tier, and what may be removed here.

It looks after all writers of the folder: its own, the commands' chain, and those that are over
because their process is. What another process writes at this moment is left to that one.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

import structlog

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.domain.values import NS_PER_S
from cloud_marketdata.security.audit.anchor import Anchor
from cloud_marketdata.security.audit.chain import Head
from cloud_marketdata.security.audit.once import close_old, head_of, is_closed
from cloud_marketdata.security.audit.pen import DAY, Pen
from cloud_marketdata.security.audit.places import (
    FOLDER,
    files_of,
    held,
    is_of_commands,
    writers_in,
)
from cloud_marketdata.security.audit.segment import tail_of, translated
from cloud_marketdata.security.audit.shipping import Shipping
from cloud_marketdata.storage.ports import ObjectStore

_LAST_S: Final = 5.0


class _Finished(NamedTuple):
    """A former writer's or the commands' chain as it was found: head, and files to be shipped."""

    head: Head
    files: list[Path]


class Keeping:
    """Runs beside one pen; `nudge` has the log look whether its file is old by now."""

    def __init__(
        self,
        settings: Settings,
        key: bytes,
        pen: Pen,
        objects: ObjectStore,
        clock: Clock,
        nudge: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._key = key
        self._pen = pen
        self._objects = objects
        self._clock = clock
        self._nudge = nudge
        self._shipping = Shipping(objects)
        self._looked = asyncio.Event()
        self._turn = asyncio.Lock()
        self._anchored: dict[str, Head] = {}
        self._anchored_at: int | None = None
        self._closed = 0
        self._failures = 0
        self._error = ""

    async def run(self) -> None:
        """Keep house by the clock and whenever a file was closed; never ends."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._by_the_clock())
            group.create_task(self._when_closed())

    def look(self) -> None:
        """Say that something was written: a first anchor or a closed file is seen to soon."""
        if len(self._pen.closed) > self._closed or self._anchored_at is None:
            self._looked.set()

    async def last(self) -> None:
        """Anchor and ship what there is, at the end; a store that is away is not waited for."""
        patience_s = min(_LAST_S, self._settings.store_timeout_s)
        try:
            await asyncio.wait_for(self._keep(), patience_s)
        except TimeoutError:
            structlog.get_logger().warning("audit.not_anchored", line=self._pen.head.seq)

    def told(self) -> dict[str, object]:
        """Say how it stands, for the pulse."""
        at = self._anchored_at
        age_s = None if at is None else (self._clock.now() - at) // NS_PER_S
        told: dict[str, object] = {"anchor_age_s": age_s, "shipped": self._shipping.shipped}
        told |= {"closed": len(self._pen.closed), "cold_failures": self._failures}
        return told | ({"cold_error": self._error} if self._error else {})

    async def _by_the_clock(self) -> None:
        while True:
            await self._clock.sleep(self._settings.audit_anchor_s)
            self._nudge()
            await self._keep()

    async def _when_closed(self) -> None:
        while True:
            await self._looked.wait()
            self._looked.clear()
            await self._keep()

    async def _keep(self) -> None:
        """Anchor, ship and remove; what fails for one writer does not keep the others waiting."""
        async with self._turn:
            self._closed = len(self._pen.closed)
            errors: list[StorageError] = []
            await self._tried(self._see_to_own(), errors)
            await self._tried(self._see_to_others(errors), errors)
            self._note(errors)

    async def _tried(self, work: Coroutine[None, None, None], errors: list[StorageError]) -> None:
        try:
            with translated(self._folder):
                await work
        except StorageError as error:
            errors.append(error)

    async def _see_to_own(self) -> None:
        await self._anchor(self._pen.name, self._pen.head)
        await self._see_to(self._pen.name, list(self._pen.closed))

    async def _see_to_others(self, errors: list[StorageError]) -> None:
        for writer in await asyncio.to_thread(writers_in, self._folder):
            if writer != self._pen.name:
                await self._tried(self._see_to_other(writer), errors)

    async def _see_to_other(self, writer: str) -> None:
        home = self._folder / writer
        finished = await asyncio.to_thread(self._finished, home)
        if finished is None:
            return
        await self._anchor(writer, finished.head)
        await self._see_to(writer, finished.files)
        if finished.files and not is_of_commands(writer):
            await asyncio.to_thread(_leave, home)

    async def _see_to(self, writer: str, files: list[Path]) -> None:
        """Ship a writer's finished files, and remove those that have been kept long enough."""
        here = [path for path in files if path.exists()]
        await self._shipping.ship(here)
        since = self._clock.now() - self._settings.audit_kept_days * DAY
        # The commands' newest file stays: the next command goes on from its last line.
        old = here[:-1] if is_of_commands(writer) else here
        await self._shipping.remove_before(old, since)

    async def _anchor(self, writer: str, head: Head) -> None:
        """Write down a chain's head, unless it is where it was."""
        if not head.seq or self._anchored.get(writer) == head:
            return
        anchor, now = Anchor.of(writer, head), self._clock.now()
        await self._objects.put(anchor.key, anchor.sealed(now, self._key))
        self._anchored[writer] = head
        if writer == self._pen.name:
            self._anchored_at = now

    def _finished(self, home: Path) -> _Finished | None:
        """Return a chain that nobody writes to; None of one at which somebody is."""
        with translated(home), held(home, wait=False) as mine:
            if not mine:
                return None
            goes_on = is_of_commands(home.name)
            if goes_on:
                close_old(home, self._key, self._clock.now())
            files, head = files_of(home), head_of(home)
            if goes_on and files and not is_closed(tail_of(files[-1])):
                files.pop()
            return _Finished(head, files)

    def _note(self, errors: list[StorageError]) -> None:
        self._failures += len(errors)
        if errors and not self._error:
            structlog.get_logger().warning("audit.not_kept", error=str(errors[0]))
        self._error = str(errors[0]) if errors else ""

    @property
    def _folder(self) -> Path:
        return self._settings.data_dir / FOLDER


def _leave(home: Path) -> None:
    """Remove the folder of a former writer once nothing of it is left here."""
    if not files_of(home):
        with suppress(OSError):
            (home / "lock").unlink(missing_ok=True)
            home.rmdir()
