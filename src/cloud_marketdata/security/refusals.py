"""Why a request is turned away before anybody looks at its question; each a stable `code`."""

from cloud_marketdata.core.errors import MarketDataError


class RefusedError(MarketDataError):
    """Root of what the gate refuses."""

    code = "refused"
    status = 403


class KeyMissingError(RefusedError):
    """A key is needed, and none was shown where one belongs."""

    code = "key_missing"
    status = 401


class KeyInvalidError(RefusedError):
    """The key is none of ours: its form, its checksum, its id or its secret is wrong."""

    code = "key_invalid"
    status = 401


class KeyExpiredError(RefusedError):
    """The key is over: neither its own time nor its grace goes on."""

    code = "key_expired"
    status = 401


class KeyRevokedError(RefusedError):
    """The key was taken back."""

    code = "key_revoked"
    status = 401


class KeyInQueryError(RefusedError):
    """A key stands in the address, where logs and histories keep it; it counts as leaked."""

    code = "key_in_query"
    status = 400


class AddressRefusedError(RefusedError):
    """The key may not be used from this address."""

    code = "address_refused"


class ScopeMissingError(RefusedError):
    """The key is valid, and not good for this."""

    code = "scope_missing"


class OriginRefusedError(RefusedError):
    """A web page of another origin asks, which `allowed_origins` does not name."""

    code = "origin_refused"


class HostRefusedError(RefusedError):
    """The request names a host that is not ours, as a rebound DNS name would."""

    code = "host_refused"
    status = 421


class QuotaExceededError(RefusedError):
    """More was asked than the limit allows; `retry_after_s` tells when it goes on."""

    code = "quota_exceeded"
    status = 429

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class TooLargeError(RefusedError):
    """The body is longer than any question is."""

    code = "too_large"
    status = 413


class UriTooLongError(RefusedError):
    """Path and query are longer than any question is."""

    code = "uri_too_long"
    status = 414


class HeadersTooLargeError(RefusedError):
    """There are more headers, or longer ones, than any question needs."""

    code = "headers_too_large"
    status = 431


class UnsupportedEncodingError(RefusedError):
    """The body is compressed; nothing that comes from outside is ever decompressed."""

    code = "unsupported_encoding"
    status = 415


class TooSlowError(RefusedError):
    """The body does not come within the patience of the service."""

    code = "too_slow"
    status = 408
