"""The API's certificate, followed while it runs: a renewed pair is shown without a restart.

Every handshake is made with the newest pair that was good when it was read; connections that are
open stay as they are. A pair that does not fit, or half a write of one, is refused with a line in
the log, and the one before it stays.
"""

import math
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import structlog

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.errors import SettingsError
from cloud_marketdata.core.health import Pulse
from cloud_marketdata.core.telemetry.catalogue import TLS_DAYS
from cloud_marketdata.core.telemetry.metric import Sample
from cloud_marketdata.security.tls.expiry import expiry_of
from cloud_marketdata.security.tls.server import server_context

_EVERY_S: Final = 5.0
_DAY_S: Final = 86_400
_SECOND_NS: Final = 1_000_000_000
_SOON_DAYS: Final = 7
_Stamp = tuple[tuple[int, int, int] | None, ...]


class Certificates:
    """Follows the files of `tls_certificate`, `tls_key` and `tls_client_ca`.

    context: what the server listens with, for good; it hands each handshake to the newest pair.

    Raises SettingsError where the files cannot be used to begin with.
    """

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._seen = self._stamp()
        self._current, self._ends = self._read()
        self.context = self._current
        self.context.sni_callback = self._shown
        self.renewed = 0
        self.refused = 0

    async def run(self) -> None:
        """Look at the files every few seconds."""
        while True:
            await self._clock.sleep(_EVERY_S)
            self.look()

    def look(self) -> None:
        """Show a new pair from now on, where the files have changed and fit; else nothing."""
        stamp = self._stamp()
        if stamp == self._seen:
            return
        self._seen = stamp
        try:
            self._current, self._ends = self._read()
        except SettingsError as error:
            self.refused += 1
            structlog.get_logger().error("tls.refused", error=str(error))
        else:
            self.renewed += 1
            structlog.get_logger().info("tls.renewed", ends=self._ends.isoformat())

    @property
    def days_left(self) -> float:
        """In how many days the pair that is shown ends."""
        now = datetime.fromtimestamp(self._clock.now() // _SECOND_NS, UTC)
        return (self._ends - now).total_seconds() / _DAY_S

    def measures(self) -> Iterator[Sample]:
        """See core.telemetry.metric.Measured."""
        yield TLS_DAYS.of(self.days_left)

    async def pulse(self) -> Pulse:
        """See core.health.Component."""
        days = math.floor(self.days_left)
        state = "expired" if days < 0 else "ends soon" if days < _SOON_DAYS else "ok"
        detail: dict[str, object] = {
            "ends": self._ends.isoformat(),
            "days_left": days,
            "renewed": self.renewed,
            "refused": self.refused,
        }
        return Pulse("security", "certificate", state, ok=days >= 0, detail=detail)

    def _shown(self, handshake: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
        """Have a handshake made with the newest pair; it is asked whatever name the client says."""
        del name
        if context is not self._current:
            handshake.context = self._current

    def _read(self) -> tuple[ssl.SSLContext, datetime]:
        path = self._settings.tls_certificate
        context = server_context(self._settings)
        assert path is not None
        try:
            return context, expiry_of(path.read_text())
        except (ValueError, IndexError, OSError) as error:
            msg = f"tls_certificate {path} cannot be understood: {error}"
            raise SettingsError(msg) from error

    def _stamp(self) -> _Stamp:
        settings = self._settings
        named = (settings.tls_certificate, settings.tls_key, settings.tls_client_ca)
        return tuple(_stamp(path) for path in named if path is not None)


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """Return what changes with a file's content, or with another file under its name."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size
