"""Opens a bucket of any S3: Amazon's, Ceph's, MinIO's.

Everything is said outright, because obstore would take what is not said from `AWS_…` variables, and
one of them sends all requests elsewhere. Plain http is for this machine alone, and https is TLS 1.3
(see `tunnel`). The patience is bounded: obstore's own would try for three minutes.
"""

import re
import weakref
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, NotRequired, TypedDict, Unpack
from urllib.parse import urlsplit

from obstore.exceptions import BaseError
from obstore.store import S3Store

from cloud_marketdata.core.config import is_loopback
from cloud_marketdata.core.errors import SettingsError
from cloud_marketdata.storage.objects.refusals import told
from cloud_marketdata.storage.objects.store import ObstoreObjects
from cloud_marketdata.storage.objects.tunnel import Tunnel

_BUCKET: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._\-]{1,62}", re.ASCII)
_RETRIES: Final = 2
_PROBE_S: Final = 0.8
_MACHINE_ROLES: Final = "169.254.169.254,169.254.170.2,169.254.170.23"
"""Where a cloud tells a machine its keys: over plain http, so not through the tunnel."""


class S3Options(TypedDict):
    """Where a bucket is and who asks.

    endpoint: URL of the S3, without the bucket; None is Amazon's own in the region. Without a key
    the environment or the machine's role must give one. timeout_s: patience with one request; with
    its repetitions an operation may take twice as long. tls_ca: who vouches for the S3 beside the
    system's own authorities, which obstore always believes.
    """

    endpoint: str | None
    region: str
    prefix: str
    access_key_id: str | None
    secret_access_key: str | None
    timeout_s: float
    tls_ca: NotRequired[Path | None]


def open_s3(bucket: str, **options: Unpack[S3Options]) -> ObstoreObjects:
    """Return the objects of a bucket, below `prefix`; nothing is asked of it yet.

    Raises SettingsError for an endpoint that is no plain https URL (http is for loopback), for a
    name or a prefix that no S3 has, and for a `tls_ca` that cannot be read.
    """
    if not _BUCKET.fullmatch(bucket):
        msg = f"s3_bucket is no name of a bucket: {bucket!r}"
        raise SettingsError(msg)
    region = options["region"]
    url = (options["endpoint"] or f"https://s3.{region}.amazonaws.com").rstrip("/")
    _check(url)
    given: dict[str, Any] = {
        "bucket": bucket,
        "prefix": options["prefix"].strip("/") or None,
        "endpoint": url,
        "aws_endpoint_url_s3": url,
        "region": region,
        "skip_signature": False,
        "virtual_hosted_style_request": False,
    }
    if options["access_key_id"] is not None:
        # By a provider and not as settings: those would take on a token from the environment.
        key = {name: options[name] for name in ("access_key_id", "secret_access_key")}
        given["credential_provider"] = lambda: {**key, "token": None, "expires_at": None}
    return _objects(given, options["timeout_s"], options.get("tls_ca"))


def _objects(given: dict[str, Any], timeout_s: float, tls_ca: Path | None) -> ObstoreObjects:
    plain = given["endpoint"].startswith("http://")
    client: dict[str, Any] = {"allow_http": True} if plain else _trusting(tls_ca)
    tunnel = None if plain else Tunnel(timeout_s)
    if tunnel is not None:
        client["proxy_url"] = tunnel.url
    try:
        stores = _opened(given, client, timeout_s, _RETRIES), _opened(given, client, _PROBE_S, 0)
    except (ValueError, BaseError) as error:
        if tunnel is not None:
            tunnel.close()
        msg = f"s3_prefix, or the certificates of tls_ca: {told(error)}"
        raise SettingsError(msg) from error
    name = f"bucket {given['bucket']} at {given['endpoint']}"
    objects = ObstoreObjects(stores[0], name, impatient=stores[1])
    if tunnel is not None:
        weakref.finalize(objects, tunnel.close).atexit = False
    return objects


def _trusting(tls_ca: Path | None) -> dict[str, Any]:
    client: dict[str, Any] = {"allow_http": False, "proxy_excludes": _MACHINE_ROLES}
    if tls_ca is not None:
        try:
            client["root_certificate"] = tls_ca.read_bytes()
        except OSError as error:
            msg = f"tls_ca: {tls_ca} cannot be read: {error}"
            raise SettingsError(msg) from error
    return client


def _opened(
    given: dict[str, Any], client: dict[str, Any], patience_s: float, retries: int
) -> S3Store:
    patience = timedelta(seconds=patience_s)
    return S3Store(
        **given,
        client_options={**client, "timeout": patience, "connect_timeout": patience},  # type: ignore[arg-type] # made of its own fields
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
