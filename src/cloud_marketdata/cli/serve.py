"""Commands that keep running: run, demo, mcp."""

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import uvloop
from cyclopts import App, Parameter

from cloud_marketdata.cli.asking import own_key
from cloud_marketdata.cli.audited import begun
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
) -> int:
    """Run the service; settings come from MARKETDATA_… variables, a file, or these options.

    SIGHUP makes it read them again: symbols and discovery change at once. SIGTERM or SIGINT stop
    it: exit 0 only where all that was collected is stored. A second one ends it at once.
    """
    given = {"role": role, "host": host, "port": port, "data_dir": data_dir}
    options = {name: value for name, value in given.items() if value is not None}

    def read() -> Settings:
        return load(config, **options)

    return 0 if _run(read) else 1


def demo(*, port: int = 8000, data_dir: Path = Path("var/demo"), seed: int = 7) -> None:
    """Run the service beside simulated venues with a seeded live market; no network, no key.

    The simulator is a process of its own, so the service can be killed and started again with
    `marketdata run` and the settings that this command prints.
    """
    from cloud_marketdata.demo import run_demo  # noqa: PLC0415  pays for uvicorn and FastAPI

    def tell(line: str) -> None:
        begun()
        say(line)

    configure("warning")
    uvloop.run(run_demo(port=port, data_dir=data_dir, seed=seed, say=tell))


def mcp(
    *,
    stdio: bool = True,
    url: str | None = None,
    key_file: Path | None = None,
    ca: Path | None = None,
    config: Config = None,
    data_dir: Path | None = None,
    log_level: Literal["debug", "info", "warning", "error"] = "warning",
) -> None:
    """Speak MCP on stdin and stdout: from a local data folder, or as a bridge to a service's URL.

    Args:
        stdio: the only transport of this command; a running service speaks HTTP at /mcp.
        url: a running service, such as http://127.0.0.1:8000/mcp.
        key_file: file with a key for it, read anew when it changes; else MARKETDATA_KEY, if set.
        ca: PEM file of who vouches for the service, in place of `tls_ca` or the system's own.
        config: TOML file with settings.
        data_dir: the data folder of an embedded store.
        log_level: how much is told on stderr.
    """
    from cloud_marketdata.bridge.local import serve_stdio  # noqa: PLC0415  FastMCP is slow
    from cloud_marketdata.bridge.remote import bridge_to  # noqa: PLC0415

    if not stdio:
        msg = "mcp speaks by stdio alone; over HTTP the running service does, at /mcp"
        raise BadRequestError(msg)
    configure(log_level)
    if url is not None:
        bridge = bridge_to(url, key_file or own_key(None), ca or load(config).tls_ca)
        begun()
        asyncio.run(bridge.run_stdio_async(show_banner=False))
    else:
        overrides = {} if data_dir is None else {"data_dir": data_dir}
        settings = load(config, **overrides)
        begun()
        asyncio.run(serve_stdio(settings))


def _run(read: Callable[[], Settings]) -> bool:
    # Until the service heeds it, it would end the process. The settings are read after this.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    from cloud_marketdata.main import run_service  # noqa: PLC0415  pays for uvicorn and FastAPI

    settings = read()
    configure(settings.log_level)
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    scheme = "http" if settings.tls_certificate is None else "https"

    serves = settings.role in {"serve", "all"}
    word = "listening" if serves else "operations"

    def ready(port: int) -> None:
        begun()
        say(f"{word} on {scheme}://{host}:{port}")

    if not serves and settings.ops_port is None:
        begun()  # it listens nowhere, and so is never ready
    return uvloop.run(run_service(settings, ready, read))
