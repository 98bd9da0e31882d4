"""MCP over HTTP: its one path, no session, and who may call it."""

import asyncio
import socket
from typing import Any

import pytest
import uvicorn
from agents import CALLS, ERAS, Era, server, standing
from fastmcp import Client
from starlette.testclient import TestClient

from cloud_marketdata.api.app import create_app
from cloud_marketdata.api.ops.operations import Operations
from cloud_marketdata.core.config import Settings
from guarded import Guarded


@pytest.fixture(autouse=True, scope="module")
def made() -> None:
    """Fill the market before any test runs a loop of its own."""
    server()


@pytest.mark.parametrize("era", ERAS)
def test_tools_work_over_a_real_socket(era: Era) -> None:
    async def law() -> None:
        market = standing()
        app = create_app(
            queries=market.queries,
            operations=Operations([], Settings(), market.clock),
            clock=market.clock,
            settings=Settings(),
            guard=Guarded(market.clock, Settings()).edge,
        )
        http = uvicorn.Server(uvicorn.Config(app, log_level="error"))
        with socket.create_server(("127.0.0.1", 0)) as listening:
            url = f"http://127.0.0.1:{listening.getsockname()[1]}/mcp"
            async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
                tasks.create_task(http.serve([listening]))
                async with Client(url, mode=era) as client:
                    for tool, arguments in CALLS:
                        result = await client.call_tool(tool, arguments)
                        assert result.structured_content["data"]["summary"]
                http.should_exit = True

    asyncio.run(law())


INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}
ACCEPT = {"Accept": "application/json, text/event-stream"}


@pytest.fixture
def http() -> TestClient:
    market = standing()
    app = create_app(
        queries=market.queries,
        operations=Operations([], Settings(), market.clock),
        clock=market.clock,
        settings=Settings(),
        guard=Guarded(market.clock, Settings()).edge,
    )
    return TestClient(
        app, base_url="http://127.0.0.1:8000", client=("127.0.0.1", 50000), follow_redirects=False
    )


def test_mcp_answers_at_its_path_without_a_redirect_or_a_session(http: TestClient) -> None:
    with http as client:
        for _ in range(3):
            answer = client.post("/mcp", json=INITIALIZE, headers=ACCEPT)
            assert answer.status_code == 200, answer.text
            assert "mcp-session-id" not in answer.headers
            assert '"cloud-marketdata"' in answer.text
        assert client.get("/mcp", headers=ACCEPT).status_code == 405
        assert client.post("/mcp/", json=INITIALIZE, headers=ACCEPT).status_code == 404


def test_foreign_hosts_and_origins_are_turned_away(http: TestClient) -> None:
    with http as client:
        for header, status in (
            ({"Origin": "http://evil.example"}, 403),
            ({"Host": "evil.example"}, 421),
        ):
            answer = client.post("/mcp", json=INITIALIZE, headers=ACCEPT | header)
            assert answer.status_code == status


def _statuses(settings: Settings, *asked: dict[str, str]) -> list[int]:
    market = standing()
    app = create_app(
        queries=market.queries,
        operations=Operations([], settings, market.clock),
        clock=market.clock,
        settings=settings,
        guard=Guarded(market.clock, settings).edge,
    )
    with TestClient(app, base_url="http://127.0.0.1:8000", client=("127.0.0.1", 50000)) as client:
        answers = [client.post("/mcp", json=INITIALIZE, headers=ACCEPT | one) for one in asked]
    return [answer.status_code for answer in answers]


def test_names_and_origins_are_checked_where_the_service_is_open_to_a_network_too() -> None:
    open_to_all: dict[str, Any] = {"host": "0.0.0.0", "allow_open_bind": True}  # noqa: S104  it is what is tested
    names = ({"Host": "localhost:8000"}, {"Host": "data.example"}, {"Host": "evil.example"})
    assert _statuses(Settings(**open_to_all), {}, *names) == [401, 401, 421, 421]
    open_to_all["require_keys"] = "never"
    assert _statuses(Settings(**open_to_all), {}, *names) == [200, 200, 421, 421]
    named = Settings(
        **open_to_all, allowed_hosts=("data.example",), allowed_origins=("https://page.example",)
    )
    pages = [names[1] | {"Origin": f"https://{name}.example"} for name in ("page", "evil")]
    assert _statuses(named, *names, *pages) == [200, 200, 421, 200, 403]


def test_headers_do_not_pile_up_from_answer_to_answer(http: TestClient) -> None:
    with http as client:
        answers = [client.post("/mcp", json=INITIALIZE, headers=ACCEPT) for _ in range(4)]
    numbers = {answer.headers.pop("x-request-id") for answer in answers}
    assert len(numbers) == 4
    heads = [sorted(answer.headers.multi_items()) for answer in answers]
    assert heads.count(heads[0]) == 4
