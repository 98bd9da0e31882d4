"""`marketdata audit`: the audit log, re-derived from its bytes or just read.

`verify` is exit 0 only where all is well, 1 where something was changed, removed, inserted or
moved, 2 for bad input, and where the key or the cold tier is not to be had.
"""

from pathlib import Path
from typing import Annotated

import msgspec
import uvloop
from cyclopts import App, Parameter, validators

from cloud_marketdata.cli.voice import say, say_json
from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.core.config import Settings, load
from cloud_marketdata.core.errors import BadTimeError, SettingsError, StorageError
from cloud_marketdata.core.logs import configure
from cloud_marketdata.domain.values import NS_PER_S
from cloud_marketdata.security.audit.event import Outcome
from cloud_marketdata.security.audit.faults import Report
from cloud_marketdata.security.audit.line import Line
from cloud_marketdata.security.audit.places import FOLDER

_DAY = 86_400 * NS_PER_S
Count = Annotated[int, Parameter(validator=validators.Number(gte=1, lte=100_000))]


def register(app: App) -> None:
    """Add the commands."""
    audit = App(name="audit", help="What was done here and by whom, and whether that is still so.")
    audit.command(verify)
    audit.command(show)
    app.command(audit)


def verify(
    *,
    local: Annotated[bool, Parameter(negative=())] = False,
    former_key: Annotated[tuple[Path, ...], Parameter(negative=())] = (),
    json: bool = False,
    config: Path | None = None,
    data_dir: Path | None = None,
) -> int:
    """Hold every line of the audit log against its key, its chain and the anchors.

    Args:
        local: look at the data folder alone, and not at the cold tier.
        former_key: file with a key under which older lines were written; may be given again.
        json: print one JSON document.
        config: TOML file with settings.
        data_dir: the data folder.
    """
    settings = _settings(config, data_dir)
    configure("warning")
    try:
        report = uvloop.run(_verified(settings, former_key, local=local))
    except StorageError as error:
        msg = f"the audit log cannot be read: {error}"
        raise SettingsError(msg) from error
    if not report.writers:
        raise FileNotFoundError(2, "no audit log", str(settings.data_dir / FOLDER))
    if json:
        say_json({"ok": report.ok, **msgspec.structs.asdict(report)})
    else:
        say(_summary(report))
    return 0 if report.ok else 1


def show(  # noqa: PLR0913  a command's options are its parameters
    *,
    since: str | None = None,
    until: str | None = None,
    action: str = "",
    outcome: Outcome | None = None,
    owner: str = "",
    limit: Count = 100,
    json: bool = False,
    config: Path | None = None,
    data_dir: Path | None = None,
) -> None:
    """Show the newest events of this data folder, oldest first; by default of the last day.

    Args:
        since: first instant, as epoch milliseconds or ISO-8601 with offset.
        until: instant after the last one, in the same forms.
        action: only this one.
        outcome: only ok, refused or failed.
        owner: only with keys of this owner, or commands of this user.
        limit: at most so many.
        json: print one JSON document.
        config: TOML file with settings.
        data_dir: the data folder.
    """
    from cloud_marketdata.security.audit.reading import Reader, Wanted  # noqa: PLC0415  as below

    settings = _settings(config, data_dir)
    start, end = _range(since, until)
    wanted = Wanted(start, end, action, outcome or "", owner)
    found = Reader(settings.data_dir / FOLDER).newest(wanted, limit)
    if json:
        events = [msgspec.structs.asdict(line) for line in found.lines]
        say_json({"events": events, "more": found.more, "unreadable": found.unreadable})
        return
    for line in found.lines:
        say(_told(line))


async def _verified(settings: Settings, former: tuple[Path, ...], *, local: bool) -> Report:
    from cloud_marketdata.security.audit.secret import known_keys  # noqa: PLC0415  as below
    from cloud_marketdata.security.audit.verify import (  # noqa: PLC0415  as below
        verify as verify_log,
    )
    from cloud_marketdata.storage.deployment import open_cold  # noqa: PLC0415  pays for all engines

    keys = known_keys(settings, former)
    objects = None if local else open_cold(settings)[0]
    return await verify_log(settings.data_dir / FOLDER, objects, keys)


def _settings(config: Path | None, data_dir: Path | None) -> Settings:
    settings = load(config, **({} if data_dir is None else {"data_dir": data_dir}))
    if not settings.data_dir.is_dir():
        raise FileNotFoundError(2, "no such folder", str(settings.data_dir))
    return settings


def _range(since: str | None, until: str | None) -> tuple[int, int]:
    from cloud_marketdata.api.times import iso, parse_time  # noqa: PLC0415  pays for the API

    end = SystemClock().now() if until is None else parse_time(until, "until")
    start = max(0, end - _DAY) if since is None else parse_time(since, "since")
    if start >= end:
        msg = f"since {iso(start)} is not before until {iso(end)}"
        raise BadTimeError(msg)
    return start, end


def _summary(report: Report) -> str:
    told = [fault.text for fault in report.faults]
    wrong = sum(fault.wrong != "truncated" for fault in report.faults)
    end = f"problems: {wrong}" if wrong else "all is well"
    looked = (
        f"(writers: {report.writers}, files: {report.files}, lines: {report.lines}, "
        f"anchors: {report.anchors})"
    )
    notes = [f"note: {note}" for note in report.notes]
    return "\n".join((*told, *notes, f"audit log: {end} {looked}"))


def _told(line: Line) -> str:
    from cloud_marketdata.api.times import iso  # noqa: PLC0415  pays for the API

    who = line.owner or line.address or line.writer
    how = " ".join(filter(None, (line.outcome, line.code)))
    what = " ".join((line.resource, *(f"{name}={value}" for name, value in line.params.items())))
    return f"{iso(line.ts)}  {line.surface:6}  {how:20}  {who:20}  {line.action}  {what}".rstrip()
