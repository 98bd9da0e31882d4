"""A bucket that refuses, hangs or is not there: one clear error in bounded time, and no secret."""

import asyncio
import socket

import pytest
from cold_stores import in_bucket

from cloud_marketdata.core.errors import SettingsError, StorageError
from cloud_marketdata.storage.objects.s3 import open_s3
from cloud_marketdata.storage.objects.store import ObstoreObjects
from servers.bucket import Bucket
from servers.program import free_port

pytestmark = pytest.mark.anyio

SECRET = "s3cr3t-of-nobody"  # noqa: S105  nobody's
NOWHERE = Bucket("http://127.0.0.1:9", "us-east-1", "key-id", SECRET, "cellar")


async def refusals(objects) -> list[str]:
    """Return what each operation says; all of them are refused."""
    told = []
    for work in (
        objects.put("a/b", b"x"),
        objects.get("a/b"),
        objects.list("a/"),
        objects.probe(),
    ):
        with pytest.raises(StorageError) as caught:
            await work
        told.append(str(caught.value))
    return told


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"secret_access_key": SECRET}, "SignatureDoesNotMatch"),
        ({"access_key_id": "nobody"}, "InvalidAccessKeyId"),
        ({"bucket": "no-such-bucket"}, "NoSuchBucket"),
    ],
    ids=["wrong secret", "unknown key", "no bucket"],
)
async def test_a_bucket_that_refuses_is_named_with_the_reason(s3, changed, reason):
    told = await refusals(in_bucket(s3, **changed))

    name = changed.get("bucket", s3.name)
    for line in told:
        assert line.startswith(f"bucket {name} at {s3.endpoint}: ")
        assert line.endswith(f": {reason}")
        assert len(line.splitlines()) == 1
        assert len(line) < 400
        assert SECRET not in line
        assert s3.secret not in line


async def test_a_gateway_that_is_gone_is_a_refused_connection_and_comes_back(s3_server, s3):
    objects = in_bucket(s3)
    await objects.put("a/b", b"x")
    s3_server.gateway.kill()

    begun = _now()
    told = await refusals(objects)

    assert _now() - begun < 10
    assert all(line.endswith(": Connection refused") for line in told)
    s3_server.start()
    assert await objects.get("a/b") == b"x"


async def test_a_paused_gateway_times_out_and_the_probe_within_a_second(s3_server, s3):
    objects = in_bucket(s3, timeout_s=1.5)
    await objects.put("a/b", b"x")
    s3_server.gateway.pause()
    try:
        begun = _now()
        with pytest.raises(StorageError, match="timed out"):
            await objects.probe()
        assert _now() - begun < 1.5
        with pytest.raises(StorageError, match="timed out"):
            await objects.get("a/b")
        assert _now() - begun < 6
    finally:
        s3_server.gateway.resume()
    assert await objects.get("a/b") == b"x"


async def test_calls_that_hang_hold_up_neither_the_loop_nor_the_probe():
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        objects = in_bucket(NOWHERE, endpoint=endpoint, timeout_s=2.0)
        reads = [asyncio.ensure_future(objects.get(f"a/{number}")) for number in range(30)]
        await asyncio.sleep(0)

        begun = _now()
        with pytest.raises(StorageError, match="timed out"):
            await objects.probe()
        assert _now() - begun < 1.5
        assert await asyncio.wait_for(asyncio.to_thread(lambda: 7), 1.0) == 7
        for read in reads:
            read.cancel()
        await asyncio.gather(*reads, return_exceptions=True)


async def test_what_an_s3_echoes_of_a_request_is_not_repeated():
    """Amazon's answer to a wrong signature tells what was to be signed, and with which key."""
    told = f"<?xml version='1.0'?><Error><Code>SignatureDoesNotMatch</Code><X>{SECRET}</X></Error>"
    head = f"HTTP/1.1 403 Forbidden\r\nContent-Length: {len(told)}\r\nConnection: close\r\n\r\n"

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write((head + told).encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        lines = await refusals(in_bucket(NOWHERE, endpoint=f"http://127.0.0.1:{port}"))

    assert all(line.endswith(": SignatureDoesNotMatch") for line in lines)
    assert not any(SECRET in line for line in lines)


async def test_the_environment_has_no_say(s3, monkeypatch):
    elsewhere = f"http://127.0.0.1:{free_port()}"
    for name, value in {
        "AWS_ENDPOINT": elsewhere,
        "AWS_ENDPOINT_URL": elsewhere,
        "AWS_ENDPOINT_URL_S3": elsewhere,
        "AWS_REGION": "mars-1",
        "AWS_ACCESS_KEY_ID": "theirs",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_SESSION_TOKEN": "token",
        "AWS_SKIP_SIGNATURE": "true",
        "AWS_VIRTUAL_HOSTED_STYLE_REQUEST": "true",
    }.items():
        monkeypatch.setenv(name, value)

    objects = in_bucket(s3)

    assert await objects.put("a/b", b"x")
    assert await objects.list("a/") == ["a/b"]


async def test_a_probe_tells_of_what_could_not_be_written_until_something_is(s3):
    """A key that may read alone, or a disk that is full, answers every question well."""
    objects = in_bucket(s3)
    real, objects._store = objects._store, in_bucket(NOWHERE)._store
    with pytest.raises(StorageError):
        await objects.put("a/b", b"x")
    objects._store = real

    with pytest.raises(StorageError, match="Connection refused"):
        await objects.probe()
    await objects.put("a/b", b"x")
    await objects.probe()


def _now() -> float:
    return asyncio.get_running_loop().time()


def _open(endpoint: str | None, bucket: str = "cellar", prefix: str = "") -> ObstoreObjects:
    return open_s3(
        bucket,
        endpoint=endpoint,
        region="eu-west-1",
        prefix=prefix,
        access_key_id="key-id",
        secret_access_key=SECRET,
        timeout_s=1.0,
    )


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://s3.example.com",
        "http://10.0.0.7:9000",
        "http://localhost.example.com",
        "ftp://127.0.0.1",
        "127.0.0.1:9000",
        "https://",
        "https://user:hidden@s3.example.com",
        "https://s3.example.com/?x=hidden",
        "https://[::1",
        "https://s3.example.com:port",
    ],
)
def test_an_endpoint_that_is_no_plain_https_url_is_refused_and_not_repeated(endpoint):
    with pytest.raises(SettingsError, match="s3_endpoint") as caught:
        _open(endpoint)
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://127.0.0.1:9000",
        "http://[::1]:9000/",
        "http://localhost:9000",
        "https://s3.example.com/v1",
        None,
    ],
)
def test_https_anywhere_and_http_on_this_machine_are_taken(endpoint):
    _open(endpoint)


@pytest.mark.parametrize(
    ("bucket", "prefix", "setting"),
    [("", "", "s3_bucket"), ("a/b", "", "s3_bucket"), ("a?b", "", "s3_bucket")]
    + [("cellar", prefix, "s3_prefix") for prefix in ("a//b", "a/../b", "./a")],
)
def test_a_name_or_a_prefix_that_no_s3_has_is_refused(bucket, prefix, setting):
    with pytest.raises(SettingsError, match=setting):
        _open(None, bucket, prefix)
