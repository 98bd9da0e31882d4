"""Commands that keep running: run, demo, mcp."""

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import uvloop
from cyclopts import App, Parameter

from cloud_marketdata.cli.voice import say
from cloud_marketdata.core.config import Role, Settings, load
from cloud_marketdata.core.errors import BadRequestError
from cloud_marketdata.core.logs import configure

Config = Annotated[Path | None, Parameter(help="TOML file with settings")]


def register(app: App) -> None:
    """Add the commands."""
    app.command(run)
    app.command(demo)
    app.command(mcp)


def run(
    *,
    role: Role | None = None,
    config: Config = None,
    host: str | None = None,
    port: int | None = None,
    data_dir: Path | None = None,
) -> None:
    """Run the service; settings come from MARKETDATA_… variables, a file, or these options.

    SIGHUP makes it read them again: symbols and discovery change at once.
    """
    given = {"role": role, "host": host, "port": port, "data_dir": data_dir}
    options = {name: value for name, value in given.items() if value is not None}

    def read() -> Settings:
        return load(config, **options)

    _run(read)


def demo(*, port: int = 8000, data_dir: Path = Path("var/demo"), seed: int = 7) -> None:
    """Run the service beside simulated venues with a seeded live market; no network, no key.

    The simulator is a process of its own, so the service can be killed and started again with
    `marketdata run` and the settings that this command prints.
    """
    from cloud_marketdata.demo import run_demo  # noqa: PLC0415  pays for uvicorn and FastAPI

    configure("warning")
    uvloop.run(run_demo(port=port, data_dir=data_dir, seed=seed, say=say))


def mcp(
    *,
    stdio: bool = True,
    url: str | None = None,
    config: Config = None,
    data_dir: Path | None = None,
    log_level: Literal["debug", "info", "warning", "error"] = "warning",
) -> None:
    """Speak MCP on stdin and stdout: from a local data folder, or as a bridge to a service's URL.

    Args:
        stdio: the only transport of this command; a running service speaks HTTP at /mcp.
        url: a running service, such as http://127.0.0.1:8000/mcp.
        config: TOML file with settings.
        data_dir: the data folder of an embedded store.
        log_level: how much is told on stderr.
    """
    from cloud_marketdata.bridge import bridge_to, serve_stdio  # noqa: PLC0415  FastMCP is slow

    if not stdio:
        msg = "mcp speaks by stdio alone; over HTTP the running service does, at /mcp"
        raise BadRequestError(msg)
    configure(log_level)
    if url is not None:
        if not url.startswith(("http://", "https://")):
            msg = f"--url is http://… or https://…, not {url!r}"
            raise BadRequestError(msg)
        asyncio.run(bridge_to(url))
    else:
        overrides = {} if data_dir is None else {"data_dir": data_dir}
        asyncio.run(serve_stdio(load(config, **overrides)))


def _run(read: Callable[[], Settings]) -> None:
    # Until the service heeds it, it would end the process. The settings are read after this.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    from cloud_marketdata.main import run_service  # noqa: PLC0415  pays for uvicorn and FastAPI

    settings = read()
    configure(settings.log_level)
    host = f"[{settings.host}]" if ":" in settings.host else settings.host

    def ready(port: int) -> None:
        say(f"listening on http://{host}:{port}")

    uvloop.run(run_service(settings, ready, read))
