"""The servers of one measurement, each in a process of its own on a free port of loopback.

Beside the service there are two that answer the same bytes: the framework with nothing behind it is
the limit, and the framework with a model is what most services do.
"""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from typing import Any, Final

import uvicorn
import uvloop
from fastapi import FastAPI
from msgspec import Struct
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from cloud_marketdata.api.app import create_app
from cloud_marketdata.api.ops.operations import Operations
from cloud_marketdata.api.queries import Queries
from cloud_marketdata.api.schemas import ProfileAnswer
from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.health import Component
from cloud_marketdata.core.hosting import GuestServer, bound
from cloud_marketdata.guarding import Guarding
from cloud_marketdata.security.audit.log import AuditLog
from cloud_marketdata.storage.deployment import Deployment, open_stores

_START_S: Final = 60.0
_STOP_S: Final = 10.0


class Server(Struct, frozen=True):
    """A server that runs: its port and its process."""

    port: int
    pid: int


@contextmanager
def running(target: Any, given: Path | bytes) -> Iterator[Server]:  # noqa: ANN401  one of those below
    """Run a server in a new process until the context is left; raises TimeoutError."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=target, args=(given, theirs), daemon=True)
    process.start()
    try:
        if not ours.poll(_START_S):
            msg = f"{target.__name__} has not begun to listen after {_START_S:.0f} s"
            raise TimeoutError(msg)
        yield Server(ours.recv(), process.pid or 0)
    finally:
        process.terminate()
        process.join(_STOP_S)


def service(folder: Path, told: Connection) -> None:
    """Serve the stores of a folder as the service does."""
    clock, settings = SystemClock(), Settings(storage="embedded", data_dir=folder)

    async def run() -> None:
        random = Random(0)  # noqa: S311  it paces nothing here
        async with open_stores(Deployment(settings, clock, random, appends=False)) as stores:
            queries = Queries(stores, clock, settings)
            components: list[Component] = [queries.answers, queries.trees, queries.profiles]
            audit = AuditLog(settings, stores.objects, clock, random)
            guard = Guarding(stores, stores.quotas, settings, clock, random, audit).guard
            operations = Operations(components, settings, clock)
            app = create_app(
                queries=queries, operations=operations, clock=clock, settings=settings, guard=guard
            )
            async with asyncio.TaskGroup() as group:
                group.create_task(audit.run())
                await _serve(app, told)
                audit.close()

    uvloop.run(run())


def bare_bytes(body: bytes, told: Connection) -> None:
    """Serve bytes by the framework below FastAPI, and do nothing else."""

    async def answer(_request: Request) -> Response:
        return Response(body, media_type="application/json")

    uvloop.run(_serve(Starlette(routes=[Route("/{path:path}", answer)]), told))


def with_model(body: bytes, told: Connection) -> None:
    """Serve the same answer by FastAPI with its model, which checks and writes it every time."""
    app, kept = FastAPI(), json.loads(body)

    @app.get("/{path:path}", response_model=ProfileAnswer)
    async def answer(path: str) -> Any:  # noqa: ANN401, ARG001  the model is declared above
        return kept

    uvloop.run(_serve(app, told))


async def _serve(app: ASGIApp, told: Connection) -> None:
    config = uvicorn.Config(app, log_config=None, access_log=False)
    listener = await asyncio.to_thread(bound, "127.0.0.1", 0)
    told.send(listener.getsockname()[1])
    await GuestServer(config).serve(sockets=[listener])
