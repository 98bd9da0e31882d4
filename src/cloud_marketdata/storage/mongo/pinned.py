"""The driver's client, held to TLS 1.3 and to verification.

The driver has no option for the oldest version. Its context is set right where it takes its options
to heart: before the first connection, and again when a `mongodb+srv` name was looked up and all
options are read anew. Should a later driver keep its context elsewhere, opening fails; it does not
go on with an older TLS.
"""

import ssl
from typing import Any

from pymongo import AsyncMongoClient

from cloud_marketdata.core.errors import SettingsError
from cloud_marketdata.storage.mongo.names import Document


class PinnedClient(AsyncMongoClient[Document]):
    """AsyncMongoClient that speaks TLS 1.3 and verifies who answers, or speaks no TLS at all.

    Raises SettingsError for a URL that switches verification off.
    """

    _pinned = False

    def _init_based_on_options(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  theirs
        context = self.options.pool_options._ssl_context  # noqa: SLF001  there is no public way
        if context is not None:
            _pin(context)
        self._pinned = True
        super()._init_based_on_options(*args, **kwargs)

    def check_pinned(self) -> None:
        """Raise SettingsError where the driver has not gone the way that this file relies on."""
        if not self._pinned:
            msg = "this version of pymongo cannot be held to TLS 1.3"
            raise SettingsError(msg)


def _pin(context: object) -> None:
    if not isinstance(context, ssl.SSLContext):
        msg = f"this version of pymongo cannot be held to TLS 1.3: {type(context).__name__}"
        raise SettingsError(msg)
    if context.verify_mode is not ssl.CERT_REQUIRED or not context.check_hostname:
        msg = (
            "mongodb_url: verification cannot be switched off; remove its tlsAllow… or tlsInsecure"
        )
        raise SettingsError(msg)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
