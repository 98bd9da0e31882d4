"""Commands that look: config, health, openapi, asyncapi."""

from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from cyclopts import App

from cloud_marketdata.cli.asking import Caller, own_key, refusal
from cloud_marketdata.cli.voice import say, say_json
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.config import Settings, load
from cloud_marketdata.core.masking import masked_value
from cloud_marketdata.storage.ports import Stores

if TYPE_CHECKING:
    from cloud_marketdata.api.edge.guard import Guard
    from cloud_marketdata.api.stream.guard import StreamGuard


def register(app: App) -> None:
    """Add the commands."""
    app.command(config)
    app.command(health)
    app.command(openapi)
    app.command(asyncapi)


def config(*, config: Path | None = None, json: bool = False) -> None:
    """Show every setting as this process would use it, secrets masked."""
    settings = load(config)
    if json:
        say_json(masked_value(settings.model_dump(mode="json")))
    else:
        for name, value in settings.model_dump(mode="json").items():
            say(f"{name} = {masked_value(value)}")


def health(
    *,
    url: str = "http://127.0.0.1:8000",
    key_file: Path | None = None,
    ca: Path | None = None,
    json: bool = False,
) -> int:
    """Ask a running service how it is; exit 0 only if it is healthy.

    Args:
        url: the service.
        key_file: file with a key of scope metrics:read; without it MARKETDATA_KEY, if that is set.
        ca: PEM file of who vouches for the service, in place of `tls_ca` or the system's own.
        json: print one JSON document.
    """
    caller = Caller(url, ca or load().tls_ca)
    status, document = caller.answer("GET", "/health", own_key(key_file))
    if not isinstance(document, dict) or "uptime" not in document:
        raise refusal(status, document)
    if json:
        say_json(document)
    else:
        say(f"{document['status']}, up {document['uptime']}")
        for group in ("collectors", "storage"):
            say(f"  {group}: " + ", ".join(f"{k} {v}" for k, v in document[group].items()))
    return 0 if document["status"] == "healthy" else 1


def openapi() -> None:
    """Print the OpenAPI document of the REST API."""
    from cloud_marketdata.api.app import create_app  # noqa: PLC0415  pays for FastAPI
    from cloud_marketdata.api.audit import build_audit  # noqa: PLC0415
    from cloud_marketdata.api.ops.operations import Operations  # noqa: PLC0415
    from cloud_marketdata.api.queries import Queries  # noqa: PLC0415
    from cloud_marketdata.api.stream.endpoint import build_stream  # noqa: PLC0415
    from cloud_marketdata.api.stream.hub import Hub  # noqa: PLC0415
    from cloud_marketdata.api.stream.readers import Readers  # noqa: PLC0415
    from cloud_marketdata.core.clock import SystemClock  # noqa: PLC0415
    from cloud_marketdata.storage.memory import memory_stores  # noqa: PLC0415

    clock, settings = SystemClock(), load()
    stores = memory_stores(clock)
    queries = Queries(stores, clock, settings)
    hub = Hub(queries, stores, clock, settings, Random(0))  # noqa: S311  nothing is ever tried
    guard, stream_guard = _unused_guards(stores, clock, settings)
    stream = build_stream(hub, Readers(settings), clock, settings, stream_guard)
    app = create_app(
        queries=queries,
        operations=Operations([], settings, clock),
        clock=clock,
        settings=settings,
        guard=guard,
        routers=[stream, build_audit(settings.data_dir / "audit", clock)],
    )
    say_json(app.openapi())


def _unused_guards(stores: Stores, clock: Clock, settings: Settings) -> "tuple[Guard, StreamGuard]":
    """Return what an application needs that is described and never asked."""
    from cloud_marketdata.api.edge.guard import Guard  # noqa: PLC0415  pays for the API
    from cloud_marketdata.api.stream.guard import StreamGuard  # noqa: PLC0415
    from cloud_marketdata.api.stream.rounds import Rounds  # noqa: PLC0415
    from cloud_marketdata.security.gate import Gate  # noqa: PLC0415
    from cloud_marketdata.security.keys.desk import KeyDesk  # noqa: PLC0415
    from cloud_marketdata.security.keys.keyring import Keyring  # noqa: PLC0415
    from cloud_marketdata.security.keys.peppers import Peppers  # noqa: PLC0415
    from cloud_marketdata.security.limits.addresses import Trusted  # noqa: PLC0415
    from cloud_marketdata.security.limits.limits import Limits  # noqa: PLC0415
    from cloud_marketdata.security.limits.seats import Seats  # noqa: PLC0415

    def unheard(_event: object) -> None:
        """Leave no trace: nothing is asked."""

    peppers = Peppers({})
    keyring = Keyring(stores.keys, peppers, clock, settings)
    gate = Gate(keyring, Limits(stores.quotas, stores.quotas, settings, clock), settings)
    desk = KeyDesk(stores.keys, peppers, clock, Random(0), settings)  # noqa: S311  makes no key
    rounds = Rounds(keyring, clock, settings)
    return Guard(gate, desk, unheard, Trusted(())), StreamGuard(
        gate, Seats(settings), rounds, unheard
    )


def asyncapi() -> None:
    """Print the AsyncAPI document of the live stream."""
    from cloud_marketdata import __version__  # noqa: PLC0415
    from cloud_marketdata.api.stream import asyncapi as page  # noqa: PLC0415  pays for pydantic

    say_json(page.asyncapi(__version__))
