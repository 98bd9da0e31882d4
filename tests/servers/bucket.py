"""A new bucket of an S3, made by a request that obstore signs; it goes when the S3 goes."""

import uuid
from datetime import timedelta
from typing import Final, NamedTuple

import obstore
from obstore.store import S3Store

from servers.ceph import Ceph

_REGION: Final = "us-east-1"


class Bucket(NamedTuple):
    """Where a bucket is and who may use it."""

    endpoint: str
    region: str
    key: str
    secret: str
    name: str

    def store(self) -> S3Store:
        """Return obstore's client of the bucket."""
        return S3Store(
            self.name,
            endpoint=self.endpoint,
            region=self.region,
            access_key_id=self.key,
            secret_access_key=self.secret,
            virtual_hosted_style_request=False,
            client_options={"allow_http": True},
        )

    def settings(self) -> dict[str, str]:
        """Return it by the names that the settings have for it."""
        return {
            "s3_endpoint": self.endpoint,
            "s3_region": self.region,
            "s3_access_key_id": self.key,
            "s3_secret_access_key": self.secret,
            "s3_bucket": self.name,
        }


def new_bucket(ceph: Ceph) -> Bucket:
    """Make a bucket that nobody else uses."""
    name = f"b-{uuid.uuid4()}"
    bucket = Bucket(ceph.endpoint, _REGION, ceph.key, ceph.secret, name)
    url = obstore.sign(bucket.store(), "PUT", "", timedelta(minutes=5))
    ceph.request("PUT", url.removeprefix(ceph.endpoint))
    return bucket
