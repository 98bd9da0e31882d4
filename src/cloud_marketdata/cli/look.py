"""Commands that look: config, health, openapi, asyncapi."""

from pathlib import Path
from random import Random

from cyclopts import App

from cloud_marketdata.cli.voice import say, say_json
from cloud_marketdata.core.config import load
from cloud_marketdata.core.errors import VenueError


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
        say(settings.model_dump_json())
    else:
        for name, value in settings.model_dump(mode="json").items():
            say(f"{name} = {value}")


def health(*, url: str = "http://127.0.0.1:8000", json: bool = False) -> int:
    """Ask a running service how it is; exit 0 only if it is healthy."""
    import httpx2  # noqa: PLC0415  slow to import

    try:
        answer = httpx2.get(f"{url.rstrip('/')}/health", timeout=5.0)
        document = answer.json()
    except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
        msg = f"no health at {url}: {error}"
        raise VenueError(msg) from error
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
    stream = build_stream(hub, Readers(settings), clock, settings)
    app = create_app(
        queries=queries, components=[], clock=clock, settings=settings, routers=[stream]
    )
    say_json(app.openapi())


def asyncapi() -> None:
    """Print the AsyncAPI document of the live stream."""
    from cloud_marketdata import __version__  # noqa: PLC0415
    from cloud_marketdata.api.stream import asyncapi as page  # noqa: PLC0415  pays for pydantic

    say_json(page.asyncapi(__version__))
