"""What strangers' clients see of the served TLS: openssl, curl and websockets."""

import asyncio
import shutil
import ssl
import subprocess

import httpx2
import pytest
import websockets
from tls_site import HOST, site

from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.security.tls.certificates import Certificates

pytestmark = pytest.mark.anyio


async def ran(*command: object, said: bytes = b"") -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *map(str, command),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    output, _ = await process.communicate(said)
    return process.returncode, output.decode(errors="replace")


def s_client(port, pems, *options: str):
    where = ("-connect", f"{HOST}:{port}", "-CAfile", pems.path("ca"), "-verify_return_error")
    return ran("openssl", "s_client", *where, *options)


@pytest.fixture
async def shown(pems):
    certificates = Certificates(pems.settings(), SystemClock())
    async with site(certificates.context) as served:
        yield served


async def test_openssl_speaks_1_3_with_it(shown, pems):
    code, output = await s_client(shown.port, pems, "-tls1_3")
    assert code == 0, output
    assert "TLSv1.3" in output
    assert "Verify return code: 0 (ok)" in output


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_1", "-tls1"])
async def test_openssl_is_refused_with_anything_older(shown, pems, version):
    # At security level 0 openssl itself would still speak the oldest ones.
    code, output = await s_client(shown.port, pems, version, "-cipher", "ALL:@SECLEVEL=0")
    assert code != 0, output
    # No session, whichever words openssl has for it: uvloop closes without an alert.
    assert "(NONE)" in output
    assert shown.door.refused["handshake"] == 1


async def test_the_same_openssl_speaks_1_2_with_who_does(pems):
    context = Certificates(pems.settings(), SystemClock()).context
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    async with site(context) as served:
        code, output = await s_client(served.port, pems, "-tls1_2", "-cipher", "ALL:@SECLEVEL=0")
    assert code == 0, output
    assert "TLSv1.2" in output


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is the judge, and not installed")
@pytest.mark.parametrize(("option", "version"), [("--http2", "2"), ("--http1.1", "1.1")])
async def test_curl_gets_the_http_that_it_asks_for(shown, pems, option, version):
    code, output = await ran(
        "curl", "-sS", option, "--cacert", pems.path("ca"), "-w", "|%{http_version}|%{http_code}",
        "-d", "x" * 5000, f"https://localhost:{shown.port}/",
    )  # fmt: skip
    assert (code, output) == (0, f"5000|{version}|200")


async def test_websockets_are_carried_over_tls(shown, pems):
    url = f"wss://localhost:{shown.port}/"
    async with websockets.connect(url, ssl=pems.trust(), proxy=None) as socket:
        await socket.send("over TLS")
        assert await socket.recv() == "over TLS"


async def test_a_client_without_a_certificate_is_refused_where_one_is_asked_for(pems):
    settings = pems.settings(tls_client_ca=pems.path("ca"))
    certificates = Certificates(settings, SystemClock())
    own = pems.trust()
    own.load_cert_chain(pems.path("client"), pems.path("client-key"))
    stranger = pems.trust()
    async with site(certificates.context) as served:
        url = f"https://localhost:{served.port}/"
        async with httpx2.AsyncClient(verify=own, trust_env=False) as client:
            assert (await client.get(url)).status_code == 200
        async with httpx2.AsyncClient(verify=stranger, trust_env=False) as client:
            with pytest.raises(httpx2.TransportError):
                await client.get(url)
        pair = ("-cert", pems.path("client"), "-key", pems.path("client-key"))
        code, output = await s_client(served.port, pems, *pair)
        assert code == 0, output


async def test_a_certificate_for_servers_is_none_for_clients(pems):
    certificates = Certificates(pems.settings(tls_client_ca=pems.path("ca")), SystemClock())
    wrong = pems.trust()
    wrong.load_cert_chain(pems.path("server"), pems.path("server-key"))
    async with site(certificates.context) as served:
        async with httpx2.AsyncClient(verify=wrong, trust_env=False) as client:
            with pytest.raises(httpx2.TransportError):
                await client.get(f"https://localhost:{served.port}/")
        assert served.door.refused["handshake"] >= 1


async def test_a_stop_does_not_wait_for_idle_clients(pems):
    certificates = Certificates(pems.settings(), SystemClock())
    async with asyncio.timeout(5):
        async with site(certificates.context) as served:
            reader, writer = await asyncio.open_connection(
                HOST, served.port, ssl=pems.trust(), server_hostname="localhost"
            )
        assert await reader.read() == b""
        writer.close()


def test_the_context_alone_decides_what_is_spoken(pems):
    context = Certificates(pems.settings(), SystemClock()).context
    assert context.minimum_version is context.maximum_version is ssl.TLSVersion.TLSv1_3
