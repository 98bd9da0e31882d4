"""The object stores that the laws of the cold tier are held over."""

from pathlib import Path

import pytest
from obstore.store import MemoryStore

from cloud_marketdata.storage.objects.s3 import open_s3
from cloud_marketdata.storage.objects.store import ObstoreObjects, folder_objects
from servers.bucket import Bucket

PREFIX = "cold/of tests"
KINDS = ("memory", "folder", "s3")


def opened(request: pytest.FixtureRequest, tmp_path: Path) -> ObstoreObjects:
    """Return an empty store of the kind that the test is run with."""
    if request.param == "memory":
        return ObstoreObjects(MemoryStore())
    if request.param == "folder":
        return folder_objects(tmp_path / "cold")
    return in_bucket(request.getfixturevalue("s3"))


def in_bucket(s3: Bucket, **changed: object) -> ObstoreObjects:
    """Return the objects of a bucket, below a prefix; `changed` are other settings of `open_s3`."""
    given = {
        "endpoint": s3.endpoint,
        "region": s3.region,
        "prefix": PREFIX,
        "access_key_id": s3.key,
        "secret_access_key": s3.secret,
        "timeout_s": 5.0,
        **changed,
    }
    return open_s3(str(given.pop("bucket", s3.name)), **given)
