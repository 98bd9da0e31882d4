"""Each command leaves one audit event: what was asked, by which user of the machine, how it ended.

It goes to the deployment that the settings name. A command that needs none leaves its event where
one lies, and writes nothing where there is none. `--help` and what is no verb are no operations.
Commands that run until they are stopped leave their event when they are up, all others at their
end; what a signal kills before that has none.
"""

import os
import pwd
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from inspect import BoundArguments
from pathlib import Path
from typing import Any, Final

from cyclopts import App
from pydantic import ValidationError

from cloud_marketdata import __version__
from cloud_marketdata.cli.voice import complain
from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.core.config import Settings, load
from cloud_marketdata.core.errors import MarketDataError, SettingsError
from cloud_marketdata.core.masking import HIDDEN, is_secret_name, masked
from cloud_marketdata.security.audit.event import AuditEvent, Outcome

_OPENS: Final = frozenset(("run", "demo", "mcp", "keys", "audit", "verify", "rebuild", "backup"))
"""Verbs that open a deployment: where nothing lies yet, they are the first to write there."""
_MAKES: Final = frozenset(("restore",))
"""Verbs that make the folder they name: where they could not, nothing may be written there."""
_NAMES: Final = _OPENS | {"config", "record"}
"""Verbs whose own `--config` says which deployment that is."""
_REFUSED: Final = 2
_OUTCOMES: Final[dict[int, Outcome]] = {0: "ok", _REFUSED: "refused"}

_asked: ContextVar["Asked"] = ContextVar("asked")


class Asked:
    """One command on its way; `exit_code` and `code` are to be said when it has ended."""

    def __init__(self, app: App, tokens: Sequence[str]) -> None:
        self.exit_code = 1
        self.code = "crashed"
        self._app = app
        self._tokens = tokens
        chain, apps, _ = app.parse_commands(tokens)
        self._verb = apps[-1].default_command
        self._chain = chain if self._verb else ()
        self._arguments: dict[str, Any] = {}
        self._resource = ""
        self._clock = SystemClock()
        self._began = self._clock.monotonic()

    def concerns(self, resource: str) -> None:
        """Say what the command has made or changed."""
        self._resource = resource

    def command(self) -> Callable[[], object]:
        """Return what is to be called; raises CycloptsError where it was not asked properly."""
        parse = self._app.parse_args
        command, bound, _ = parse(self._tokens, exit_on_error=False, print_error=False)
        if command is not self._verb:
            self._chain = ()  # it is the help or the version
        self._arguments = _arguments(bound)
        return lambda: command(*bound.args, **bound.kwargs)

    def leave(self) -> None:
        """Leave the event, unless it was left before; what cannot be written is told."""
        chain, self._chain = self._chain, ()
        if not chain:
            return
        try:
            self._write(chain)
        except (MarketDataError, ValidationError, OSError) as error:
            if self.exit_code == 0:
                complain(error, "done, and not audited: ")
                self.exit_code = int(chain[0] == "keys")

    def _write(self, chain: Sequence[str]) -> None:
        settings = self._settings(chain[0])
        if chain[0] in _MAKES and self.exit_code and self._names(settings.data_dir):
            return
        opens = chain[0] in _OPENS and self.exit_code != _REFUSED and "url" not in self._arguments
        if opens or settings.data_dir.is_dir():
            from cloud_marketdata.security.audit.once import (  # noqa: PLC0415  the rest is quicker
                append_once,
            )

            append_once(settings, self._event(chain), self._clock)

    def _names(self, folder: Path) -> bool:
        return (
            "data_dir" in self._arguments
            and folder.absolute() == self._arguments["data_dir"].absolute()
        )

    def _event(self, chain: Sequence[str]) -> AuditEvent:
        return AuditEvent(
            action=" ".join(("cli", *chain)),
            surface="cli",
            outcome=_OUTCOMES.get(self.exit_code, "failed"),
            code=self.code,
            status=self.exit_code,
            owner=_user(),
            resource=self._resource,
            agent=f"marketdata/{__version__}",
            params={name: _told(name, value) for name, value in self._arguments.items()},
            latency_us=round((self._clock.monotonic() - self._began) * 1e6),
        )

    def _settings(self, verb: str) -> Settings:
        """Read the settings of the deployment that this command is about."""
        config = self._arguments.get("config") if verb in _NAMES else None
        made = verb in _MAKES and not self.exit_code
        given = self._arguments if verb in _OPENS or made else {}
        options = {name: given[name] for name in given if name in Settings.model_fields}
        try:
            return load(config, **options)
        except (ValidationError, SettingsError):
            # It was refused for one of them; where it would have been is known all the same.
            return load(config, **{name: options[name] for name in options if name == "data_dir"})


@contextmanager
def audited(app: App, tokens: Sequence[str]) -> Iterator[Asked]:
    """Have the command that runs in the block leave its event, however it ends."""
    asked = Asked(app, tokens)
    before = _asked.set(asked)
    try:
        yield asked
    finally:
        _asked.reset(before)
        asked.leave()


def begun() -> None:
    """Leave the event of the running command now: it is up, and runs until it is stopped."""
    asked = _asked.get(None)
    if asked:
        asked.exit_code, asked.code = 0, ""
        asked.leave()


def concerning(resource: str) -> None:
    """Have the event of the running command name what it has made or changed."""
    asked = _asked.get(None)
    if asked:
        asked.concerns(resource)


def _arguments(bound: BoundArguments) -> dict[str, Any]:
    """Return what was given, and the defaults of a command that names its own data folder."""
    given = dict(bound.arguments)
    folder = bound.signature.parameters.get("data_dir")
    if folder is not None and folder.default is not None:
        given.setdefault("data_dir", folder.default)
    return given


def _told(name: str, value: object) -> str:
    if is_secret_name(name):
        return HIDDEN
    several = value if isinstance(value, list | tuple) else (value,)
    return masked(" ".join(map(str, several)))


def _user() -> str:
    """Return who runs this process, as the machine knows them; a variable could say anything."""
    number = os.getuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)
