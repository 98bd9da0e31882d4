"""The service as it is started: `marketdata run` with a certificate."""

import asyncio
import json
import os
import signal
import subprocess
import sys

import httpx2
import pytest
import websockets
from test_certificates_renewed import leaf, own, renew, shown  # noqa: F401  a fixture
from test_tls_served import ran, s_client
from tls_site import HOST

pytestmark = pytest.mark.anyio


@pytest.fixture
def running(own, tmp_path):  # noqa: F811  a fixture
    """Start the service with the test's own pair; yields its process and its port."""
    env = {name: value for name, value in os.environ.items() if "MARKETDATA" not in name} | {
        "MARKETDATA_TLS_CERTIFICATE": own.path("server"),
        "MARKETDATA_TLS_KEY": own.path("server-key"),
        "MARKETDATA_STORAGE": "memory",
        "MARKETDATA_DATA_DIR": str(tmp_path / "data"),
        "MARKETDATA_ROLE": "serve",
        "MARKETDATA_PORT": "0",
        "MARKETDATA_HEADER_TIMEOUT_S": "0.5",
    }
    command = (sys.executable, "-m", "cloud_marketdata", "run")
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline()
            assert line.startswith("listening on https://127.0.0.1:"), line
            yield process, int(line.rsplit(":", 1)[1])
        finally:
            process.terminate()
            process.wait(20)


async def test_the_service_speaks_tls_1_3_and_nothing_else(running, own):  # noqa: F811  a fixture
    process, port = running
    code, output = await s_client(port, own, "-tls1_3", "-alpn", "h2")
    assert (code, "ALPN protocol: h2" in output) == (0, True), output
    code, output = await s_client(port, own, "-tls1_2")
    assert (code, "(NONE)" in output) == (1, True), output
    for version in ("--http2", "--http1.1"):
        where = ("--cacert", own.path("ca"), f"https://localhost:{port}/health")
        code, output = await ran("curl", "-sS", version, "-w", "\n%{http_version}", *where)
        body, spoken = output.rsplit("\n", 1)
        assert f"--http{spoken}" == version
        assert json.loads(body)["status"]
    async with websockets.connect(
        f"wss://localhost:{port}/v1/stream", ssl=own.trust(), proxy=None
    ) as socket:
        await socket.send('{"op":"ping"}')
        assert await asyncio.wait_for(socket.recv(), 5)
        async with asyncio.timeout(3):
            _, slow = await asyncio.open_connection(HOST, port)
            # Half a second for the handshake, and some for a busy machine.
            reader, half = await asyncio.open_connection(
                HOST, port, ssl=own.trust(), server_hostname="localhost"
            )
            half.write(b"GET / HTTP/1.1\r\nx: ")
            assert b"408" in await reader.read()
            half.close()
            slow.close()
        old = leaf(own)
        assert await shown(port, own) == old
        renew(own)
        process.send_signal(signal.SIGHUP)
        async with asyncio.timeout(8):
            while await shown(port, own) == old:  # noqa: ASYNC110  nobody tells
                await asyncio.sleep(0.05)
        assert await shown(port, own) == leaf(own)
        await socket.send('{"op":"ping"}')
        assert await asyncio.wait_for(socket.recv(), 5)
    async with httpx2.AsyncClient(verify=own.trust(), trust_env=False) as client:
        health = (await client.get(f"https://localhost:{port}/health")).json()
    assert health["detail"]["components"]
