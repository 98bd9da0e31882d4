"""`marketdata verify`: the cold tier, re-derived from its bytes.

Exit 0 only where all is well, 1 where something is wrong, 2 for bad input or a store that does not
answer.
"""

from datetime import date
from pathlib import Path
from typing import Annotated, Any

import msgspec
import uvloop
from cyclopts import App, Parameter

from cloud_marketdata.cli.voice import say, say_json
from cloud_marketdata.core.config import load
from cloud_marketdata.core.errors import SettingsError, StorageError
from cloud_marketdata.core.logs import configure


def register(app: App) -> None:
    """Add the command."""
    app.command(verify)


def verify(
    day: date,
    /,
    *,
    whole: Annotated[bool, Parameter(name="--all", negative=())] = False,
    json: bool = False,
    config: Path | None = None,
    data_dir: Path | None = None,
) -> int:
    """Hold a day in the cold tier against its manifests, and these against their chain.

    Args:
        day: UTC day, such as 2026-11-05.
        whole: verify every earlier day as well, down to the first.
        json: print one JSON document.
        config: TOML file with settings.
        data_dir: the data folder of an embedded store.
    """
    from cloud_marketdata.main import verify_objects  # noqa: PLC0415  pays for all that it wires

    settings = load(config, **({} if data_dir is None else {"data_dir": data_dir}))
    configure("warning")
    try:
        report = uvloop.run(verify_objects(settings, day, whole=whole))
    except StorageError as error:
        msg = f"the cold tier cannot be read: {error}"
        raise SettingsError(msg) from error
    document = {"date": day, "ok": not report.problems, **msgspec.structs.asdict(report)}
    if json:
        say_json(document)
    else:
        say(_summary(document))
    return 0 if document["ok"] else 1


def _summary(document: dict[str, Any]) -> str:
    problems = [f"{problem.key}: {problem.what}" for problem in document["problems"]]
    end = f"problems: {len(problems)}" if problems else "all is well"
    looked = f"(manifests: {document['manifests']}, objects: {document['objects']})"
    return "\n".join((*problems, f"{document['date']}: {end} {looked}"))
