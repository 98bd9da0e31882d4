"""The objects of a folder or of a bucket below a prefix of its own, and the bare driver of both."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import obstore
from obstore.store import LocalStore, S3Store

from cloud_marketdata.bench.storage.cold import Cold
from cloud_marketdata.core.config import Settings
from cloud_marketdata.storage.deployment import open_bucket
from cloud_marketdata.storage.objects.store import folder_objects

FOLDER: Final = "folder"
S3: Final = "S3"


def folder(path: Path) -> Cold:
    """Return the objects below a folder."""
    return Cold(FOLDER, folder_objects(path / "cold"), LocalStore(path / "bare", mkdir=True))


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Cold]:
    """Open the settings' bucket below a new prefix, whose objects are removed at the end."""
    assert settings.s3_bucket is not None, "asked for where it is set"
    prefix = f"{settings.s3_prefix}/bench-{secrets.token_hex(4)}".strip("/")
    inside = settings.model_copy(update={"s3_prefix": f"{prefix}/days"})
    try:
        yield Cold(S3, open_bucket(inside, settings.s3_bucket), _bare(settings, f"{prefix}/bare"))
    finally:
        _remove(_bare(settings, prefix))


def _bare(settings: Settings, prefix: str) -> S3Store:
    secret = settings.s3_secret_access_key
    given: dict[str, Any] = {
        "endpoint": settings.s3_endpoint,
        "access_key_id": settings.s3_access_key_id,
        "secret_access_key": secret and secret.get_secret_value(),
    }
    return S3Store(
        settings.s3_bucket,
        prefix=prefix,
        region=settings.s3_region,
        virtual_hosted_style_request=False,
        client_options={"allow_http": (settings.s3_endpoint or "").startswith("http://")},
        **{name: value for name, value in given.items() if value is not None},
    )


def _remove(store: S3Store) -> None:
    for page in obstore.list(store):
        obstore.delete(store, [meta["path"] for meta in page])
