"""Opens a bucket of any S3: Amazon's, Ceph's, MinIO's.

Everything is said outright, because obstore would take what is not said from `AWS_…` variables, and
one of them sends all requests elsewhere. Plain http is for this machine alone. The patience is
bounded: obstore's own would try for three minutes.
"""

import re
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from obstore.store import S3Store

from cloud_marketdata.core.config import is_loopback
from cloud_marketdata.core.errors import SettingsError
from cloud_marketdata.storage.objects.store import ObstoreObjects

_BUCKET: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._\-]{1,62}", re.ASCII)
_RETRIES: Final = 2
_PROBE_S: Final = 0.8


def open_s3(
    bucket: str,
    *,
    endpoint: str | None,
    region: str,
    prefix: str,
    access_key_id: str | None,
    secret_access_key: str | None,
    timeout_s: float,
) -> ObstoreObjects:
    """Return the objects of a bucket, below `prefix`; nothing is asked of it yet.

    endpoint: URL of the S3, without the bucket; None is Amazon's own in the region. Without a key
    the environment or the machine's role must give one. timeout_s: patience with one request; with
    its repetitions an operation may take twice as long.

    Raises SettingsError for an endpoint that is no plain https URL (http is for loopback), and for
    a name or a prefix that no S3 has.
    """
    if not _BUCKET.fullmatch(bucket):
        msg = f"s3_bucket is no name of a bucket: {bucket!r}"
        raise SettingsError(msg)
    url = (endpoint or f"https://s3.{region}.amazonaws.com").rstrip("/")
    _check(url)
    given: dict[str, Any] = {
        "bucket": bucket,
        "prefix": prefix.strip("/") or None,
        "endpoint": url,
        "aws_endpoint_url_s3": url,
        "region": region,
        "skip_signature": False,
        "virtual_hosted_style_request": False,
    }
    if access_key_id is not None:
        # By a provider and not as settings: those would take on a token from the environment.
        key = {"access_key_id": access_key_id, "secret_access_key": secret_access_key}
        given["credential_provider"] = lambda: {**key, "token": None, "expires_at": None}
    name = f"bucket {bucket} at {url}"
    try:
        stores = _opened(given, timeout_s, _RETRIES), _opened(given, _PROBE_S, 0)
    except ValueError as error:
        msg = f"s3_prefix: {error}"
        raise SettingsError(msg) from error
    return ObstoreObjects(stores[0], name, impatient=stores[1])


def _opened(given: dict[str, Any], patience_s: float, retries: int) -> S3Store:
    patience = timedelta(seconds=patience_s)
    plain = given["endpoint"].startswith("http://")
    return S3Store(
        **given,
        client_options={"timeout": patience, "connect_timeout": patience, "allow_http": plain},
        retry_config={
            "max_retries": retries,
            "retry_timeout": patience,
            "backoff": {"max_backoff": patience},
        },
    )


def _check(url: str) -> None:
    """Refuse an endpoint without repeating it: it may hold a password."""
    host = _host(url)
    if not host:
        msg = "s3_endpoint is https://… with a host, and at most a port and a path"
        raise SettingsError(msg)
    if not url.startswith("https://") and not is_loopback(host):
        msg = f"s3_endpoint is http and {host} is not this machine: that wants https"
        raise SettingsError(msg)


def _host(url: str) -> str | None:
    """Return the host of a plain http or https URL, None of anything else."""
    try:
        parts = urlsplit(url)
        secret = parts.username or parts.password or parts.query or parts.fragment
        known = parts.scheme in {"http", "https"} and parts.port != 0
    except ValueError:
        return None
    return parts.hostname if known and not secret else None
