"""`marketdata keys`: made, listed, replaced and taken back in the stores of a deployment.

It works beside a running service on the same stores, and before a first one. A secret is told once:
alone on stdout, so that a script can take it, or into a file that only its owner may read.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from random import SystemRandom
from typing import Annotated, TypeVar

import uvloop
from cyclopts import App, Parameter, validators

from cloud_marketdata.cli.audited import concerning
from cloud_marketdata.cli.key_tables import date, described, table
from cloud_marketdata.cli.renewal import renew
from cloud_marketdata.cli.voice import note, say, say_json
from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.core.config import Settings, load
from cloud_marketdata.core.errors import BadRequestError
from cloud_marketdata.core.logs import configure
from cloud_marketdata.core.secretfile import replacing
from cloud_marketdata.security.keys.desk import KeyDesk
from cloud_marketdata.security.keys.lineages import Minted
from cloud_marketdata.security.keys.wishes import NewKey

PerMinute = Annotated[int, Parameter(validator=validators.Number(gte=1))]
Several = Parameter(consume_multiple=True, negative=())
T = TypeVar("T")


def register(app: App) -> None:
    """Add the commands."""
    keys = App(name="keys", help="Make, list, rotate, revoke and renew API keys.")
    for command in (create, listed, rotate, revoke, renew):
        keys.command(command, name="list" if command is listed else None)
    app.command(keys)


def create(  # noqa: PLR0913  a command's options are its parameters
    *,
    owner: str,
    scope: Annotated[list[str], Several],
    network: Annotated[list[str] | None, Several] = None,
    per_minute: PerMinute | None = None,
    sink: str = "",
    file: Path | None = None,
    json: bool = False,
    config: Path | None = None,
    data_dir: Path | None = None,
) -> None:
    """Make a key, and tell it once.

    Args:
        owner: whose it is, as the audit log shall name them.
        scope: market:read, stream:read, keys:admin, audit:read, metrics:read; several may follow.
        network: addresses or networks it may be used from, such as 192.0.2.0/24; any without it.
        per_minute: its own limit in units a minute.
        sink: file in the service's `key_dir` to which the service writes its successors.
        file: where to write the key (mode 0600) in place of stdout.
        json: print one JSON document.
        config: TOML file with settings.
        data_dir: the data folder of an embedded store.
    """
    wish = NewKey(owner, tuple(scope), tuple(network or ()), per_minute, sink)
    _hand_out(_settings(config, data_dir), lambda desk: desk.create(wish), file, json=json)


def listed(
    *,
    json: bool = False,
    config: Path | None = None,
    data_dir: Path | None = None,
) -> None:
    """List every key: its public part, owner, scopes, state and times; never its secret.

    Args:
        json: print one JSON document.
        config: TOML file with settings.
        data_dir: the data folder of an embedded store.
    """
    records = _asked(_settings(config, data_dir), lambda desk: desk.all())
    now = SystemClock().now()
    if json:
        say_json({"keys": [described(record, now) for record in records]})
    else:
        say(table(records, now))


def rotate(
    key_id: str,
    /,
    *,
    file: Path | None = None,
    json: bool = False,
    config: Path | None = None,
    data_dir: Path | None = None,
) -> None:
    """Make a key's successor, and tell it once; the old one goes on for its grace.

    Args:
        key_id: the public part of the key, 8 characters.
        file: where to write the successor (mode 0600) in place of stdout.
        json: print one JSON document.
        config: TOML file with settings.
        data_dir: the data folder of an embedded store.
    """
    _hand_out(_settings(config, data_dir), lambda desk: desk.rotate(key_id), file, json=json)


def revoke(
    key_id: str,
    /,
    *,
    lineage: Annotated[bool, Parameter(negative=())] = False,
    json: bool = False,
    config: Path | None = None,
    data_dir: Path | None = None,
) -> None:
    """Take a key back: it is refused everywhere within `key_cache_s`.

    Args:
        key_id: the public part of the key, 8 characters.
        lineage: take back every key of its line of successors, which is what a leak asks for.
        json: print one JSON document.
        config: TOML file with settings.
        data_dir: the data folder of an embedded store.
    """
    settings = _settings(config, data_dir)
    record = _asked(settings, lambda desk: desk.revoke(key_id, lineage=lineage))
    concerning(record.id)
    if json:
        say_json(described(record, SystemClock().now()))
    else:
        say(f"revoked {record.id} of {record.owner}" + (" and its whole line" if lineage else ""))


def _hand_out(
    settings: Settings,
    ask: Callable[[KeyDesk], Awaitable[Minted]],
    file: Path | None,
    *,
    json: bool,
) -> None:
    """Have a key made and tell it once."""
    minted = _asked(settings, ask) if file is None else _written(settings, ask, file)
    record = minted.record
    concerning(record.id)
    told = f"key {record.id} of {record.owner}: rotate it from {date(record.rotate_at)} on"
    if json:
        document = described(record, SystemClock().now())
        say_json(document if file else {**document, "key": minted.key})
    elif file:
        say(f"{told}; written to {file}")
    else:
        say(minted.key)
        note(f"{told}; it is told this once")


def _written(settings: Settings, ask: Callable[[KeyDesk], Awaitable[Minted]], file: Path) -> Minted:
    """Have a key made and written; where nothing can be written there, none is made."""
    minted = None
    try:
        with replacing(file) as opened:
            minted = _asked(settings, ask)
            opened.write(minted.key + "\n")
    except OSError as error:
        lost = f"; the key {minted.record.id} was made and is lost: revoke it" if minted else ""
        msg = f"--file {file}: {error.strerror}{lost}"
        raise BadRequestError(msg) from error
    return minted


def _settings(config: Path | None, data_dir: Path | None) -> Settings:
    settings = load(config, **({} if data_dir is None else {"data_dir": data_dir}))
    configure("warning")
    if settings.storage == "memory" and settings.mongodb_url is None:
        msg = "keys in memory would end with this command: set storage or mongodb_url"
        raise BadRequestError(msg)
    return settings


def _asked(settings: Settings, ask: Callable[[KeyDesk], Awaitable[T]]) -> T:
    async def run() -> T:
        async with _desk(settings) as desk:
            return await ask(desk)

    return uvloop.run(run())


@asynccontextmanager
async def _desk(settings: Settings) -> AsyncIterator[KeyDesk]:
    from cloud_marketdata.security.keys.pepper_file import open_peppers  # noqa: PLC0415  as below
    from cloud_marketdata.storage.deployment import (  # noqa: PLC0415  imports every engine
        Deployment,
        open_warm,
    )

    clock, random = SystemClock(), SystemRandom()
    peppers = open_peppers(settings, random)
    async with open_warm(Deployment(settings, clock, random, appends=False)) as warm:
        yield KeyDesk(warm.keys, peppers, clock, random, settings)
