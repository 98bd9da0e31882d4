"""What the API shows to its clients: its certificate, over TLS 1.3 alone, HTTP/2 before HTTP/1.1.

Where `tls_client_ca` is set, a client without a certificate of that authority gets no connection.
"""

import ssl
from pathlib import Path
from typing import Final

from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.errors import SettingsError

_PROTOCOLS: Final = ("h2", "http/1.1")


def server_context(settings: Settings) -> ssl.SSLContext:
    """Return a context of the files as they are now.

    Raises SettingsError where one cannot be read, or where key and certificate do not belong
    together.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_3
    context.set_alpn_protocols(_PROTOCOLS)
    certificate, key = _pair(settings)
    try:
        # A key that wants a passphrase would ask at the terminal; it is refused instead.
        context.load_cert_chain(certificate, key, password="")
    except OSError as error:
        msg = f"tls_certificate {certificate} and tls_key {key} cannot be used: {error}"
        raise SettingsError(msg) from error
    if settings.tls_client_ca is not None:
        _ask_for_certificates(context, settings.tls_client_ca)
    return context


def _pair(settings: Settings) -> tuple[Path, Path]:
    certificate, key = settings.tls_certificate, settings.tls_key
    if certificate is None or key is None:
        msg = "tls_certificate and tls_key are not set, so there is nothing to show"
        raise SettingsError(msg)
    return certificate, key


def _ask_for_certificates(context: ssl.SSLContext, authority: Path) -> None:
    try:
        context.load_verify_locations(authority)
    except OSError as error:
        msg = f"tls_client_ca: {authority} holds no certificate that can be read: {error}"
        raise SettingsError(msg) from error
    context.verify_mode = ssl.CERT_REQUIRED
