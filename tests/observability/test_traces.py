"""Traces: what the libraries tell of a request reaches a receiver, whole, and without a secret."""

import json
import os
import re
import subprocess
import sys
import time

import httpx2
import pytest
from collector import collecting
from processes import NO_TLS, eventually
from watched_service import Venue, service

from servers.program import HOST, free_port

KEY = "cmd_live_0a1b2c3d_" + "s3cr3t" * 6
REST, MCP = "1" * 32, "2" * 32
ASKED = {"token": "geh3im-geh3im", "symbol": "BTCUSDT"}


def parent(trace):
    return {"traceparent": f"00-{trace}-{'a' * 16}-01"}


def ask(url, path, trace, **headers: str):
    headers |= parent(trace)
    return httpx2.get(
        url + path, headers=headers, params=ASKED, timeout=20, trust_env=False, verify=NO_TLS
    )


def call(url, trace):
    """Call a tool of MCP."""
    body = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": "get_markets", "arguments": {}},
    }
    headers = {"accept": "application/json, text/event-stream", **parent(trace)}
    answer = httpx2.post(
        f"{url}/mcp", json=body, headers=headers, timeout=20, trust_env=False, verify=NO_TLS
    )
    assert answer.is_success, answer.text


def counted(url):
    """Return the service's own count of spans, by what became of them."""
    text = httpx2.get(f"{url}/metrics", trust_env=False, verify=NO_TLS).text
    rows = re.findall(r'^cmd_spans_total\{outcome="(\w+)"\} (\S+)', text, re.MULTILINE)
    return {outcome: float(count) for outcome, count in rows}


@pytest.fixture(scope="module")
def venue(tmp_path_factory):
    with Venue(tmp_path_factory.mktemp("venue"), "binance-usdm") as found:
        yield found


def running(folder, venue, **more: str):
    port = free_port()
    return f"http://{HOST}:{port}", service(folder, {venue.venue: venue}, port, more)


def test_a_request_and_a_call_are_one_trace_each_and_tell_no_secret(tmp_path, venue):
    with collecting() as collector:
        url, process = running(tmp_path, venue, MARKETDATA_TRACES=collector.url)
        with process:
            assert ask(url, "/v1/markets", REST).is_success
            assert ask(url, "/v1/keys", MCP, authorization=f"Bearer {KEY}").status_code == 401
            call(url, MCP)
            eventually(lambda: len(collector.spans(REST)) > 1 and len(collector.spans(MCP)) > 1)
            eventually(lambda: counted(url)["sent"] > 3)
            process.stop()

        rest, mcp = collector.spans(REST), collector.spans(MCP)
        everything = b"".join(collector.bodies)

    assert collector.paths == {"/v1/traces"}
    (root,) = [span for span in rest if span.parent == "a" * 16]
    assert (root.library, root.name) == ("fastapi", "GET /v1/markets")
    assert {span.parent for span in rest if span is not root} <= {span.id for span in rest}
    assert "tools/call get_markets" in {span.name for span in mcp}
    assert {span.library for span in mcp} >= {"fastapi", "fastmcp"}
    for secret in (KEY, KEY[18:], ASKED["token"]):
        assert secret.encode() not in everything
    assert b"BTCUSDT" in everything
    assert b"/metrics" not in everything


def test_a_receiver_that_is_away_holds_up_nothing_and_is_counted(tmp_path, venue):
    url, process = running(tmp_path, venue, MARKETDATA_TRACES=f"http://{HOST}:{free_port()}")
    with process:
        began = time.perf_counter()
        for _ in range(20):
            assert ask(url, "/v1/markets", REST).is_success
        took = time.perf_counter() - began
        eventually(lambda: counted(url)["dropped"] > 0)
        assert counted(url)["sent"] == 0
        began = time.perf_counter()
        process.stop()
        ended = time.perf_counter() - began

    assert took < 10
    assert ended < 15
    told = [line for line in process.tail().splitlines() if "traces.dropped" in line]
    assert len(told) == 1


def test_without_traces_nothing_is_made_and_nothing_could_send_it(tmp_path, venue):
    url, process = running(tmp_path, venue)
    with process:
        assert ask(url, "/v1/markets", REST).is_success
        assert counted(url) == {"sent": 0, "dropped": 0}
    # redis-py imports the SDK's metrics by itself where they are installed; it sets nothing up.
    telling = (
        "import json, sys, cloud_marketdata.main, cloud_marketdata.api.mcp.server\n"
        "from opentelemetry import trace\n"
        "sent = [m for m in sys.modules if m.startswith(('opentelemetry.exporter', "
        "'opentelemetry.sdk.trace.export'))]\n"
        "print(json.dumps([type(trace.get_tracer_provider()).__name__, *sent]))"
    )
    imported = subprocess.run(
        [sys.executable, "-c", telling], capture_output=True, text=True, check=True
    )

    assert json.loads(imported.stdout) == ["ProxyTracerProvider"]


def test_a_missing_extra_is_told_in_one_line(tmp_path):
    hidden = (
        "import sys; sys.modules['opentelemetry.sdk'] = None\n"
        "from cloud_marketdata.cli import main; main()"
    )
    run = subprocess.run(
        [sys.executable, "-c", hidden, "run", "--port", "0", "--data-dir", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "MARKETDATA_TRACES": f"http://{HOST}:1"},
    )

    assert run.returncode == 2
    said = [line for line in run.stderr.splitlines() if not line.startswith("{")]
    assert len(said) == 1
    assert "pip install 'cloud-marketdata[traces]'" in said[0]
