"""Whom this process believes when it connects: TLS 1.3, a name that fits, a known authority.

Venues are asked with this context by WebSocket and by REST. There is no way to switch verification
off. The stores build theirs of the same three rules, each as its driver takes them.
"""

import ssl
from functools import cache
from pathlib import Path

from cloud_marketdata.core.errors import SettingsError


@cache
def client_context(authority: Path | None = None) -> ssl.SSLContext:
    """Return the context that believes the certificates of a PEM file, or else the system's own.

    Each is made once: to read the system's takes 20 ms, and meanwhile nothing else runs. Raises
    SettingsError where the file is no good.
    """
    try:
        context = ssl.create_default_context(cafile=authority)
    except OSError as error:
        msg = f"tls_ca: {authority} holds no certificate that can be read: {error}"
        raise SettingsError(msg) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context
