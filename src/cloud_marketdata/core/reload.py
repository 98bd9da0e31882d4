"""Settings read again while the process runs: what may change does, the rest is named.

Settings that cannot be read change nothing and are one line in the log, so a slip of the pen never
stops a service. Nothing that differs is passed over in silence.
"""

import asyncio
from collections.abc import Callable, Collection

import structlog
from pydantic import ValidationError

from cloud_marketdata.core.config import Settings, complaint
from cloud_marketdata.core.errors import SettingsError


class Reload:
    """Reads the settings again each time `asked` is set.

    running: the settings that this process started with.
    read: reads them anew, as `config.load` does.
    live: the names of the settings that `apply` makes true at once.
    """

    def __init__(
        self,
        running: Settings,
        read: Callable[[], Settings],
        *,
        live: Collection[str],
        apply: Callable[[Settings], None],
    ) -> None:
        self.asked = asyncio.Event()
        self._running = running
        self._read = read
        self._live = live
        self._apply = apply
        self._log = structlog.get_logger()

    async def run(self) -> None:
        """Read and apply until cancelled."""
        while True:
            await self.asked.wait()
            self.asked.clear()
            try:
                settings = self._read()
            except (ValidationError, SettingsError, OSError) as error:
                text = complaint(error) if isinstance(error, ValidationError) else str(error)
                # Without the trace: it is a slip of the pen, and the text says which.
                self._log.error("settings.refused", error=text)
            else:
                self._take(settings)

    def _take(self, settings: Settings) -> None:
        differing = self._differing(settings)
        if differing:
            self._log.warning("settings.need_a_restart", settings=differing)
        self._apply(settings)
        self._log.info("settings.read_again", applied=sorted(self._live))

    def _differing(self, settings: Settings) -> list[str]:
        """Return the names that differ from what runs and cannot change while it does."""
        names = (name for name in Settings.model_fields if name not in self._live)
        return [name for name in names if getattr(settings, name) != getattr(self._running, name)]
