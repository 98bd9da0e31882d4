"""No answer changes the headers of another, whichever of them share a list inside a library."""

import asyncio
from copy import copy

import pytest
from mcp.server import _streamable_http_modern as modern
from starlette.testclient import TestClient
from tape import ROOT, Market
from wired import WINDOW

from cloud_marketdata.api.questions import MarketQuestion
from cloud_marketdata.domain.instrument import Instrument

PLAIN = {"Accept": "application/json, text/event-stream", "Accept-Encoding": "zstd, gzip"}
VERSION = "2026-07-28"
META = {
    "io.modelcontextprotocol/protocolVersion": VERSION,
    "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}
TOOL = "get_volume_profile"
ROUTED = {"MCP-Protocol-Version": VERSION, "Mcp-Method": "tools/call", "Mcp-Name": TOOL}
OLD = {
    "protocolVersion": "2025-06-18",
    "capabilities": {},
    "clientInfo": {"name": "test", "version": "1"},
}
INITIALIZE = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": OLD}
ASKED = {"name": TOOL, "arguments": {"venue": "binance-usdm", "symbol": "BTCUSDT"}}
CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"_meta": META, **ASKED}}


@pytest.fixture
def streaming(client: TestClient, market: Market, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    # An answer that lasts longer is begun as an event stream, with the list of headers that all
    # event streams of the library share.
    monkeypatch.setattr(modern, "_SSE_PING_INTERVAL", 0.0002)
    find = market.queries._known.find

    async def slowly(question: MarketQuestion) -> Instrument:
        for _ in range(500):
            await asyncio.sleep(0)
        return await find(question)

    monkeypatch.setattr(market.queries._known, "find", slowly)
    return client


def heads(client: TestClient) -> dict[str, list[tuple[str, str]]]:
    """Ask for one answer of each kind; return their headers without numbers, dates and tags."""
    answers = {
        "old": client.post("/mcp", json=INITIALIZE, headers=PLAIN),
        "packed": client.get(f"{ROOT}/trades", params=WINDOW, headers=PLAIN),
        "stream": client.post("/mcp", json=CALL, headers=PLAIN | ROUTED),
        "small": client.get("/health"),
        "csv": client.get(f"{ROOT}/candles", params=WINDOW | {"format": "csv"}),
        "refused": client.get(f"{ROOT}/candles", params={"start": "yesterday"}),
        "nowhere": client.get("/nowhere"),
    }
    for kind, answer in answers.items():
        names = [name for name, _ in answer.headers.multi_items()]
        assert len(names) == len(set(names)), (kind, names)
        assert {"x-request-id", "x-content-type-options"} <= set(names), kind
    stream = answers["stream"]
    assert stream.headers["content-type"] == "text/event-stream", stream.text
    assert "content-encoding" not in stream.headers
    assert b"event: message" in stream.content
    assert answers["packed"].headers["content-encoding"] == "zstd"
    varying = {"x-request-id", "content-length"}
    return {
        kind: sorted(item for item in answer.headers.multi_items() if item[0] not in varying)
        for kind, answer in answers.items()
    }


def test_each_answer_has_its_headers_once_and_shared_lists_stay_as_they_are(
    streaming: TestClient,
) -> None:
    shared = copy(modern._SSE_HEADERS)
    with streaming as client:
        first = heads(client)
        assert all(heads(client) == first for _ in range(8))
    assert shared == modern._SSE_HEADERS


def test_no_two_requests_have_one_number(client: TestClient) -> None:
    paths = ["/health", f"{ROOT}/candles", "/nowhere", f"{ROOT}/candles?start=x"] * 5
    answers = [client.get(path) for path in paths]
    numbers = [answer.headers["x-request-id"] for answer in answers]
    assert len(set(numbers)) == len(numbers)
    for answer in answers:
        if answer.headers["content-type"] == "application/problem+json":
            assert answer.json()["request_id"] == answer.headers["x-request-id"]
