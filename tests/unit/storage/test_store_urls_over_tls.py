"""A URL may say that TLS is spoken and who vouches, and can make no less of it."""

import ssl
from pathlib import Path

import pytest

from cloud_marketdata.core.errors import SettingsError, StorageError
from cloud_marketdata.storage.mongo.client import MongoPlan, connect
from cloud_marketdata.storage.mongo.pinned import PinnedClient
from cloud_marketdata.storage.objects.s3 import open_s3
from cloud_marketdata.storage.redis.url import Options

pytestmark = pytest.mark.anyio

V3 = ssl.TLSVersion.TLSv1_3


@pytest.fixture
def anyio_backend():
    return "asyncio"


def context_of(url, tls_ca=None):
    return Options(url, 1.0, tls_ca).connection().ssl_context


def test_redis_over_tls_is_verified_and_1_3():
    context = context_of("rediss://host:6379/0").get()
    assert context.minimum_version is V3
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


def test_every_node_of_a_cluster_is_asked_in_the_same_way(tmp_path):
    node = Options("rediss://host:6379/0", 1.0, tmp_path / "ca.pem").at("other", 7000)
    context = node.connection().ssl_context
    assert (context.min_version, context.ca_certs) == (V3, str(tmp_path / "ca.pem"))


def test_a_redis_url_that_names_its_authority_is_believed(tmp_path):
    url = "rediss://host/0?ssl_ca_certs=mine.pem"
    assert context_of(url, tls_ca=tmp_path / "ca.pem").ca_certs == "mine.pem"


@pytest.mark.parametrize(
    "option",
    [
        "ssl_cert_reqs=none",
        "ssl_cert_reqs=optional",
        "ssl_cert_reqs=required&ssl_cert_reqs=none",
        "ssl_check_hostname=false",
        "ssl_check_hostname=no",
        "ssl_min_version=771",
        "ssl_ciphers=NULL",
        "ssl_exclude_verify_flags=VERIFY_X509_STRICT",
        "ssl=false",
        "%73sl_cert_reqs=none",
    ],
)
def test_a_redis_url_that_weakens_tls_is_refused(option):
    with pytest.raises(SettingsError, match="redis_url: ssl") as refused:
        Options(f"rediss://:hunter2@host:6379/0?{option}", 1.0)
    assert "hunter2" not in str(refused.value)


async def opened(url, tls_ca=None):
    """Return the TLS context with which a client of this URL would connect."""
    async with connect(MongoPlan(url, "unused", 1.0, tls_ca)) as client:
        return client.options.pool_options._ssl_context


async def test_mongodb_over_tls_is_verified_and_1_3():
    context = await opened("mongodb://host/?tls=true")
    assert context.minimum_version is V3
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


async def test_mongodb_without_tls_stays_without_it_whoever_vouches(tmp_path):
    assert await opened("mongodb://host/", tmp_path / "ca.pem") is None
    assert await opened("mongodb://host/?tls=false", tmp_path / "ca.pem") is None


@pytest.mark.parametrize(
    "option",
    [
        "tlsAllowInvalidCertificates=true",
        "tlsAllowInvalidHostnames=true",
        "tlsInsecure=true",
        "TLSINSECURE=true",
        "ssl_cert_reqs=CERT_NONE",
    ],
)
async def test_a_mongodb_url_that_weakens_tls_is_refused(option):
    with pytest.raises((SettingsError, StorageError)) as refused:
        await opened(f"mongodb://user:hunter2@host/?tls=true&{option}")
    assert "hunter2" not in str(refused.value)


async def test_the_refusal_names_what_is_to_be_removed():
    with pytest.raises(SettingsError, match="mongodb_url: verification cannot be switched off"):
        await opened("mongodb://host/?tls=true&tlsInsecure=true")


async def test_a_driver_that_goes_another_way_is_not_used(monkeypatch):
    # As if a later one had another name for the step on which the pinning stands.
    monkeypatch.delattr(PinnedClient, "_init_based_on_options")
    with pytest.raises(SettingsError, match=r"this version of pymongo cannot be held to TLS 1\.3"):
        await opened("mongodb://host/?tls=true")


def test_an_authority_that_cannot_be_read_is_told():
    nobody = {"access_key_id": None, "secret_access_key": None}
    where = {"endpoint": "https://localhost:1", "region": "here", "prefix": ""}
    with pytest.raises(SettingsError, match="tls_ca"):
        open_s3("bucket", **where, **nobody, timeout_s=1.0, tls_ca=Path("is-not-there.pem"))
