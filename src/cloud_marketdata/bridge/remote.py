"""MCP on stdin and stdout, handed through to a running service, with a key where it wants one.

A key goes by https, or to this machine. Redirects are not followed: they would take it along.
"""

import ssl
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import httpx2
import structlog

from cloud_marketdata.bridge.shown_key import KeyInFile
from cloud_marketdata.core.secretfile import naming
from cloud_marketdata.core.service_url import ensure_key_may_go, ensure_service_url
from cloud_marketdata.security.tls.client import client_context

if TYPE_CHECKING:
    from fastmcp import FastMCP

_REFUSALS: Final = frozenset({401, 403, 421, 429})
_CUT: Final = 500
_log = structlog.get_logger(__name__)


def bridge_to(url: str, key: Path | str | None, authority: Path | None) -> "FastMCP":
    """Return a server that hands every request on to the MCP endpoint at `url`, progress included.

    Args:
        url: of the service, http:// or https://.
        key: a file that holds one, or its text, or None.
        authority: PEM file of who vouches for the service; None for the system's own.

    Raises BadRequestError for a URL that is none or to which no key may go, or a file without a
    key; SettingsError for an authority that cannot be read.
    """
    from fastmcp.client.transports import StreamableHttpTransport  # noqa: PLC0415  slow to import
    from fastmcp.server import create_proxy  # noqa: PLC0415
    from fastmcp.server.providers.proxy import ProxyClient  # noqa: PLC0415

    ensure_service_url(url)
    if key is not None:
        ensure_key_may_go(url)
    client = partial(_client, verify=client_context(authority))
    transport = StreamableHttpTransport(url, auth=_shown(key), httpx_client_factory=client)
    return create_proxy(ProxyClient(transport), name="cloud-marketdata")


def _client(*, verify: ssl.SSLContext, **given: Any) -> httpx2.AsyncClient:  # noqa: ANN401  httpx's
    client = httpx2.AsyncClient(**{**given, "follow_redirects": False, "verify": verify})
    client.event_hooks = {"response": [_complain]}
    return client


async def _complain(response: httpx2.Response) -> None:
    """Tell on stderr why the service refuses: an agent is told only that it does."""
    if response.status_code in _REFUSALS:
        told = (await response.aread()).decode(errors="replace")
        _log.warning("bridge.refused", status=response.status_code, told=told[:_CUT])


def _shown(key: Path | str | None) -> httpx2.Auth | str | None:
    if not isinstance(key, Path):
        return key
    with naming("--key-file"):
        return KeyInFile(key)
