"""Keys over real sockets: handshakes, streams that lose their key, and agents behind the bridge."""

import asyncio
import json
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import httpx2
import pytest
from fastmcp import Client
from fastmcp.client.transports import StdioTransport
from keyed import MARKET, keyed
from processes import COMMAND
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

pytestmark = pytest.mark.anyio

TRADES = {"op": "subscribe", "channels": [{"name": "trades", **MARKET}]}
SSE = "/v1/stream/sse?channels=trades:binance-usdm:BTCUSDT"


async def said(socket, **request: object):
    """Send a request and return its reply."""
    await socket.send(json.dumps(request))
    while "ok" not in (heard := json.loads(await socket.recv())):
        pass
    return heard


async def closing(socket):
    """Yield what comes until the server closes the connection."""
    with suppress(ConnectionClosed):
        while True:
            yield await socket.recv()


async def test_a_handshake_with_a_good_key_is_three_events_with_one_request():
    async with asyncio.timeout(30), keyed() as served:
        key = await served.guarded.key()
        for headers in ({"Authorization": f"Bearer {key}"}, {"X-API-Key": key}):
            before = len(served.guarded.events)
            async with connect(served.stream, additional_headers=headers, proxy=None) as socket:
                assert (await said(socket, op="auth"))["owner"] == "tester"
            await served.guarded.heard(before + 3)
            told = served.guarded.told(after=before)
            assert told == [("ws.connect", "ok", ""), ("ws.auth", "ok", ""), ("ws.close", "ok", "")]
            assert {one.request_id for one in served.guarded.events[before:]} != {""}


async def test_a_handshake_with_a_bad_key_is_refused_with_a_problem_and_one_event():
    async with asyncio.timeout(30), keyed() as served:
        key, unable = await served.guarded.key(), await served.guarded.key("market:read")
        wrong = key[:-1] + ("a" if key[-1] != "a" else "b")
        for shown, query, status, code in (
            (wrong, "", 401, "key_invalid"),
            (unable, "", 403, "scope_missing"),
            (None, f"?api_key={key}", 400, "key_in_query"),
        ):
            before = len(served.guarded.events)
            headers = {} if shown is None else {"Authorization": f"Bearer {shown}"}
            with pytest.raises(InvalidStatus) as refused:
                async with connect(served.stream + query, additional_headers=headers, proxy=None):
                    pass
            response = refused.value.response
            assert response.status_code == status
            assert json.loads(response.body)["code"] == code
            assert served.guarded.told(after=before) == [("ws.connect", "refused", code)]


async def test_a_browser_shows_its_key_first_and_loses_the_stream_with_it():
    async with asyncio.timeout(30), keyed() as served:
        key = await served.guarded.key()
        async with connect(served.stream, proxy=None) as socket:
            assert (await said(socket, **TRADES))["code"] == "key_missing"
            assert (await said(socket, op="auth", key=key))["ok"]
            assert (await said(socket, **TRADES))["ok"]
            await served.guarded.desk.revoke(key.split("_")[2])
            *_, last = [json.loads(message) async for message in closing(socket)]
        assert (last["op"], last["code"]) == ("close", "key_revoked")
        assert (socket.close_code, socket.close_reason) == (4401, "key_revoked")


async def test_events_end_with_their_key_and_are_one_event():
    async with asyncio.timeout(30), keyed() as served:
        key = await served.guarded.key()
        headers = {"X-API-Key": key}
        lines = []
        async with (
            httpx2.AsyncClient(base_url=served.http, headers=headers, trust_env=False) as http,
            http.stream("GET", SSE) as answer,
        ):
            assert answer.status_code == 200
            await served.guarded.desk.revoke(key.split("_")[2])
            lines = [line async for line in answer.aiter_lines() if line.startswith("data: ")]
        assert json.loads(lines[-1].removeprefix("data: "))["code"] == "key_revoked"
        await served.guarded.heard(1)
        [event] = served.guarded.events
        assert (event.surface, event.outcome, event.code, event.status) == (
            "rest",
            "refused",
            "key_revoked",
            200,
        )


def _bridge(url: str, *arguments: str, **variables: str) -> StdioTransport:
    command = str(Path(sys.executable).parent / "marketdata")
    return StdioTransport(command, ["mcp", "--url", url, *arguments], env=variables)


async def test_the_bridge_reads_its_key_file_again_when_it_was_replaced(tmp_path):
    file = tmp_path / "key"
    async with asyncio.timeout(90), keyed() as served:
        first = await served.guarded.key()
        file.write_text(first + "\n")
        bridge = _bridge(f"{served.http}/mcp", "--key-file", str(file))
        async with Client(bridge) as agent:
            assert (await agent.call_tool("get_markets", {})).structured_content["data"]
            second = await served.guarded.desk.rotate(first.split("_")[2])
            (tmp_path / "next").write_text(second.key + "\n")
            (tmp_path / "next").rename(file)
            await served.guarded.desk.revoke(first.split("_")[2])
            assert (await agent.call_tool("get_markets", {})).structured_content["data"]
        called = [one for one in served.guarded.events if "tools/call" in one.action]
        assert [one.key_id for one in called] == [first.split("_")[2], second.record.id]
        # The old key was never shown again, so nothing of it was refused.
        assert "refused" not in {one.outcome for one in served.guarded.events}, [
            (one.action, one.outcome, one.code, one.status) for one in served.guarded.events
        ]


async def test_the_bridge_takes_a_key_from_the_environment():
    async with asyncio.timeout(60), keyed() as served:
        key = await served.guarded.key()
        async with Client(_bridge(f"{served.http}/mcp", MARKETDATA_KEY=key)) as agent:
            assert (await agent.call_tool("get_markets", {})).structured_content["data"]


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://data.example/mcp", "a key goes by https alone"),
        ("ftp://127.0.0.1/mcp", "--url is"),
        ("https://user@data.example/mcp", "--url is"),
    ],
)
def test_a_key_goes_nowhere_it_could_be_read(url, words, tmp_path):
    (tmp_path / "key").write_text("cmd_live_abcdefgh_secret")
    command = [*COMMAND, "mcp", "--url", url, "--key-file", str(tmp_path / "key")]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    assert ended.returncode == 2
    assert words in ended.stderr
    assert "secret" not in ended.stderr
