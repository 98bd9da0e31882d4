"""The demo as a user meets it: one command, and REST and MCP answer with data."""

import asyncio
import json
import signal
import subprocess
import sys

import httpx2
from fastmcp import Client
from fastmcp.client.transports import StdioTransport
from processes import COMMAND, NO_TLS, ask, eventually, started

from servers.program import free_port

MARKET = {"venue": "bybit-linear", "symbol": "BTCUSDT"}


async def tools_over(client: Client) -> dict[str, dict]:
    async with client:
        names = {tool.name: tool for tool in await client.list_tools()}
        assert {"get_volume_profile", "get_market_depth"} <= set(names)
        assert all(names[name].output_schema for name in names)
        return {
            name: (await client.call_tool(name, MARKET)).structured_content
            for name in ("get_volume_profile", "get_market_depth")
        }


def test_the_demo_answers_by_rest_and_mcp_and_stops_on_ctrl_c(tmp_path):
    port = free_port()
    with started("demo", "--port", port, "--data-dir", tmp_path) as process:
        url = f"http://127.0.0.1:{port}"
        eventually(lambda: ask(url, "/health")["status"] == "healthy")
        health = ask(url, "/health")
        assert health["collectors"] == {"binance": "connected", "bybit": "connected"}
        assert health["storage"] == {"redis": "ok", "mongodb": "ok"}
        assert eventually(
            lambda: ask(url, "/v1/markets/bybit-linear/BTCUSDT/volume-profile")["data"]["rows"]
        )
        for answers in (
            asyncio.run(tools_over(Client(f"{url}/mcp"))),
            asyncio.run(tools_over(Client(bridge("--url", f"{url}/mcp")))),
            asyncio.run(tools_over(Client(bridge("--data-dir", str(tmp_path))))),
            asyncio.run(tools_over(Client(bridge("--data-dir", str(tmp_path)), mode="legacy"))),
        ):
            assert all("quality" in json.dumps(answer) for answer in answers.values())
        taken = subprocess.run(
            [*COMMAND, "demo", "--port", str(port)], capture_output=True, text=True, check=False
        )
        assert taken.returncode == 2
        assert len(taken.stderr.splitlines()) == 1
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        assert process.stdout.read().endswith("stopped\n")


def bridge(*arguments: str) -> StdioTransport:
    return StdioTransport(sys.executable, ["-m", "cloud_marketdata", "mcp", "--stdio", *arguments])


def test_health_of_nobody_is_one_line_and_exit_1():
    found = subprocess.run(
        [*COMMAND, "health", "--url", f"http://127.0.0.1:{free_port()}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 1
    assert len(found.stderr.splitlines()) == 1


def test_unreachable_venues_show_in_health_and_nothing_is_made_up(tmp_path):
    nobody = f"127.0.0.1:{free_port()}"
    endpoint = {"ws": f"ws://{nobody}", "rest": f"http://{nobody}"}
    env = {
        "MARKETDATA_ENDPOINTS": json.dumps(
            dict.fromkeys(("binance-spot", "binance-usdm", "bybit-spot", "bybit-linear"), endpoint)
        ),
        "MARKETDATA_DATA_DIR": str(tmp_path),
    }
    with started("run", "--port", 0, env=env) as process:
        url = process.stdout.readline().split()[-1]
        refused = eventually(
            lambda: (
                httpx2.get(f"{url}/health", trust_env=False, verify=NO_TLS).json()["collectors"]
                == {"binance": "disconnected", "bybit": "disconnected"}
            )
        )
        assert refused
        answer = httpx2.get(f"{url}/health", trust_env=False)
        assert answer.status_code == 503
        assert answer.json()["status"] == "unhealthy"
        assert ask(url, "/v1/markets")["data"] == []
