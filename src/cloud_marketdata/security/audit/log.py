"""The audit log of one process: takes events at once, and has them on the disk a moment later.

Nobody waits for it. Events that find no room are counted, and the log itself tells how many of what
were lost, in the very place where they would stand. While the disk refuses, it tries again.
"""

import asyncio
import os
from collections.abc import Iterator
from random import Random
from socket import gethostname
from typing import Final

import structlog

from cloud_marketdata import __version__
from cloud_marketdata.core.backoff import backoff
from cloud_marketdata.core.beside import beside
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.core.health import Pulse
from cloud_marketdata.core.telemetry.catalogue import AUDIT_EVENTS, QUEUE, QUEUE_BOUND
from cloud_marketdata.core.telemetry.metric import Sample
from cloud_marketdata.domain.values import NS_PER_S
from cloud_marketdata.security.audit.event import AuditEvent
from cloud_marketdata.security.audit.keeping import Keeping
from cloud_marketdata.security.audit.pen import Pen, Plan
from cloud_marketdata.security.audit.places import FOLDER, writer_text
from cloud_marketdata.security.audit.scribe import Scribe
from cloud_marketdata.security.audit.secret import audit_key
from cloud_marketdata.storage.ports import ObjectStore

_GATHER_S: Final = 0.05
"""How long events are gathered, so that many share one visit to the disk."""
_PATIENCE_S: Final = 2.0
"""How long at most until a disk that refuses is asked again; a stop waits no longer for it."""


class AuditLog:
    """One writer with its own chain below `data_dir/audit`.

    It is made before anything that is to be audited, and writes while it runs.
    """

    def __init__(
        self, settings: Settings, objects: ObjectStore, clock: Clock, random: Random
    ) -> None:
        """Raises SettingsError for a key that could be guessed, StorageError where none is kept."""
        key = audit_key(settings)
        told = {"version": __version__, "role": settings.role, "host": gethostname()}
        folder = settings.data_dir / FOLDER
        name = _writer(settings, clock.now(), random)
        self._pen = Pen(Plan(folder, name, key, told, settings.audit_segment_mb << 20))
        self._scribe = Scribe(self._pen, clock, settings.audit_queue)
        self._arrived = asyncio.Event()
        self._keeping = Keeping(settings, key, self._pen, objects, clock, self._arrived.set)
        self._clock = clock
        self._random = random
        self._closing = False
        self._refused = 0
        self._error = ""

    def record(self, event: AuditEvent) -> None:
        """Take an event; never waits and never raises. To be called on the loop's own thread."""
        self._scribe.record(event)
        self._arrived.set()

    async def run(self) -> None:
        """Write until `close`, and then what is left.

        It may be cancelled instead: what was recorded before is on the disk all the same, unless
        that refuses it.
        """
        try:
            async with beside(self._keeping.run()):
                await self._drain()
                while not self._closing:
                    await self._arrived.wait()
                    self._arrived.clear()
                    if not self._closing:
                        await self._clock.sleep(_GATHER_S)
                        await self._drain()
        finally:
            self._end()
            await self._keeping.last()

    def close(self) -> None:
        """Let `run` end once everything recorded so far is written, or was tried."""
        self._closing = True
        self._arrived.set()

    def measures(self) -> Iterator[Sample]:
        """See core.telemetry.metric.Measured; what is written is counted in lines of our files."""
        scribe = self._scribe
        yield AUDIT_EVENTS.of(self._pen.head.seq, "written")
        yield AUDIT_EVENTS.of(scribe.lost, "lost")
        yield AUDIT_EVENTS.of(self._refused, "refused")
        yield QUEUE.of(scribe.waiting, "audit")
        yield QUEUE_BOUND.of(scribe.most, "audit")

    async def pulse(self) -> Pulse:
        """See core.health.Component."""
        scribe = self._scribe
        state = "refused" if self._error else "losing" if scribe.is_losing else "ok"
        detail: dict[str, object] = {
            "writer": self._pen.name,
            "line": self._pen.head.seq,
            "waiting": scribe.waiting,
            "lost": scribe.lost,
            "refused": self._refused,
            "disturbed": self._pen.disturbed,
            **self._keeping.told(),
            **({"error": self._error} if self._error else {}),
        }
        return Pulse("security", "audit", state, ok=state == "ok", detail=detail)

    async def _drain(self) -> None:
        """Write all that is there, again and again while the disk refuses."""
        delays = backoff(self._random, cap_s=_PATIENCE_S)
        while self._scribe.take() or self._error or self._is_due():
            try:
                await asyncio.to_thread(self._scribe.write)
            except StorageError as error:
                self._fail(error)
                if self._closing:
                    return
                await self._clock.sleep(next(delays))
            else:
                self._recover()
        self._keeping.look()

    def _is_due(self) -> bool:
        """Whether there is something to write of the log itself: its beginning, or a file's end."""
        return not self._pen.claimed or self._pen.is_old(self._clock.now())

    def _end(self) -> None:
        """Write the rest and end the file; here and now, because whoever cancels does not wait."""
        try:
            self._scribe.end()
        except StorageError as error:
            waiting = self._scribe.waiting
            structlog.get_logger().error("audit.not_written", error=str(error), events=waiting)

    def _fail(self, error: StorageError) -> None:
        self._refused += 1
        if not self._error:
            structlog.get_logger().error("audit.refused", error=str(error))
        self._error = str(error)

    def _recover(self) -> None:
        if self._error:
            structlog.get_logger().info("audit.writes_again", refused=self._refused)
        self._error = ""


def _writer(settings: Settings, now: int, random: Random) -> str:
    """Name this run of this process; containers share names and numbers, so chance is added."""
    run = f"{now // NS_PER_S}-{random.getrandbits(24):06x}"
    return f"{settings.role}-{writer_text(gethostname())}-{os.getpid()}-{run}"
