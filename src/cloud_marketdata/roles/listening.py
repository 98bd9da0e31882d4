"""The server of an application, behind the guards of its process: every role listens in one way."""

from typing import Final

import uvicorn
from starlette.types import ASGIApp

from cloud_marketdata.core.hosting import PublicServer
from cloud_marketdata.guarding import Guarding

_STOP_S: Final = 5
_FRAME_MAX: Final = 1 << 18
"""Bytes of a WebSocket message; the stream itself refuses longer requests long before."""


def server_of(app: ASGIApp, guarding: Guarding) -> PublicServer:
    """Return a server of an application; it shows the process' certificate, where it has one."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        # Its own way believes whatever a proxy on this machine says; ours asks the settings.
        proxy_headers=False,
        server_header=False,
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        ws_max_size=_FRAME_MAX,
        timeout_graceful_shutdown=_STOP_S,
    )
    shown = guarding.certificates
    return PublicServer(config, guarding.door, shown.context if shown else None)
