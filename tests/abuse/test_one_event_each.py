"""Every operation of every surface of the real service is one event of the audit log, no more."""

import json
import os
import subprocess

import pytest
from fortress import Fortress, said_by
from openapi_walk import Route, routes_of
from processes import COMMAND
from rawhttp import fresh_address
from wsabuse import joined, say

ENDLESS = "/v1/stream/sse"
TRADES = {"name": "trades", "venue": "binance-spot", "symbol": "BTCUSDT"}
MARKET = {"venue": "binance-spot", "symbol": "BTCUSDT"}


@pytest.fixture(scope="module")
def routes(fortress) -> list[Route]:
    """Return every route; none that is asked here may change a key or a market of others."""
    return [
        route
        for route in routes_of(fortress.ask("/openapi.json", "all").document)
        if route.path not in {ENDLESS, "/v1/keys/self/rotate"}
    ]


def outcome_of(status: int) -> str:
    return "ok" if status < 400 else "refused" if status < 500 else "failed"


def test_every_route_is_one_event(fortress, routes):
    for route in routes:
        address = fresh_address()
        target = route.target()
        if route.path.startswith("/v1/admin"):
            target = target.replace("BTCUSDT", "NOPEUSDT")
        answer = fortress.ask(target, "all", method=route.method, address=address)
        [event] = fortress.events(address)
        assert event["action"] == f"{route.method} {route.path}"
        assert (event["surface"], event["status"]) == ("rest", answer.status)
        assert event["outcome"] == outcome_of(answer.status)
        assert event.get("code", "") == answer.code
        # Who probes is not looked up, so that no store has to answer.
        known = route.path not in {"/live", "/ready"}
        assert event.get("key_id", "") == (fortress.keys.id_of("all") if known else "")
        assert event["request_id"] == answer.headers["X-Request-ID"]


def test_an_event_stream_that_the_reader_leaves_is_one_event(fortress):
    from contextlib import closing  # noqa: PLC0415

    from rawhttp import dialled, written  # noqa: PLC0415

    address = fresh_address()
    target = f"{ENDLESS}?channels=trades:binance-spot:BTCUSDT"
    with closing(dialled(fortress.door, address)) as connection:
        connection.sendall(written(fortress.door, target, {"X-API-Key": fortress.key("all")}))
        assert b" 200 " in connection.recv(65_536)
    fortress.expect(address, 1)

    [event] = fortress.events(address)
    assert (event["action"], event["status"]) == (f"GET {ENDLESS}", 200)


def test_every_operation_of_a_websocket_is_one_event(fortress):
    address = fresh_address()
    with joined(fortress, "all", address=address) as connection:
        say(connection, op="subscribe", channels=[TRADES])
        say(connection, op="list")
        say(connection, op="ping")
        say(connection, op="unsubscribe", channels=[TRADES])
        say(connection, op="auth", key=fortress.key("stream:read"))
        say(connection, op="dance")
        connection.send(b"\x00")
    fortress.expect(address, 9)

    told = [(event["action"], event["outcome"]) for event in fortress.events(address)]
    assert told == [
        ("ws.connect", "ok"),
        ("ws.subscribe", "ok"),
        ("ws.list", "ok"),
        ("ws.ping", "ok"),
        ("ws.unsubscribe", "ok"),
        ("ws.auth", "ok"),
        ("ws.unreadable", "refused"),
        ("ws.unreadable", "refused"),
        ("ws.close", "ok"),
    ]


def one_of_mcp(fortress: Fortress, method: str, **params: object) -> dict:
    """Call a method and return its only event."""
    address = fresh_address()
    fortress.rpc(method, "all", address, **params)
    [event] = fortress.events(address)
    assert event["surface"] == "mcp"
    assert event["key_id"] == fortress.keys.id_of("all")
    return event


def listed(fortress: Fortress, what: str, kind: str) -> list[dict]:
    """Return what a list of MCP holds."""
    return said_by(fortress.rpc(f"{what}/list", "all"))["result"][kind]


def test_every_tool_is_one_event(fortress):
    for tool in listed(fortress, "tools", "tools"):
        event = one_of_mcp(fortress, "tools/call", name=tool["name"], arguments=MARKET)
        assert tool["name"] in event["action"], event


def test_every_resource_and_prompt_is_one_event(fortress):
    for resource in listed(fortress, "resources", "resources"):
        event = one_of_mcp(fortress, "resources/read", uri=resource["uri"])
        assert "resources/read" in event["action"], event
    for prompt in listed(fortress, "prompts", "prompts"):
        event = one_of_mcp(fortress, "prompts/get", name=prompt["name"], arguments=MARKET)
        assert "prompts/get" in event["action"], event


@pytest.mark.parametrize(
    "method",
    ["tools/list", "resources/list", "resources/templates/list", "prompts/list", "ping", "nothing"],
)
def test_every_other_method_of_mcp_is_one_event(fortress, method):
    assert method in one_of_mcp(fortress, method)["action"] or method == "nothing"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"jsonrpc":"2.0"}', b"\xff"])
def test_what_is_no_call_of_mcp_is_one_event_too(fortress, body):
    address = fresh_address()
    headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}

    fortress.ask("/mcp", "all", headers, method="POST", body=body, address=address)

    [event] = fortress.events(address)
    assert event["outcome"] == "refused"


def commanded(fortress: Fortress, *arguments: str) -> tuple[str, list[dict]]:
    """Run a command on the service's folder; return what it says and the events it has left."""
    before = len(by_command(fortress))
    env = {**os.environ, "MARKETDATA_DATA_DIR": str(fortress.folder)}
    found = subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, check=False, timeout=60, env=env
    )
    assert "Traceback" not in found.stderr
    return found.stdout, by_command(fortress)[before:]


def by_command(fortress: Fortress) -> list[dict]:
    return [e for e in fortress.chronicle.everything() if e["surface"] == "cli"]


def test_every_verb_is_one_event_and_works_beside_the_service(fortress):
    made, [event] = commanded(
        fortress, "keys", "create", "--owner", "abuse", "--scope", "market:read", "--json"
    )
    fortress.keys["by command"] = json.loads(made)["key"]
    assert (event["action"], event["outcome"]) == ("cli keys create", "ok")
    assert fortress.ask("/v1/markets", "by command").status == 200
    key_id = fortress.keys.id_of("by command")
    verbs = {
        "keys list": (),
        "keys rotate": (key_id, "--json"),
        "keys revoke": (key_id,),
        "audit show": (),
        "config": (),
    }
    for verb, arguments in verbs.items():
        said, [event] = commanded(fortress, *verb.split(), *arguments)
        assert (event["action"], event["outcome"]) == (f"cli {verb}", "ok")
        if verb == "keys rotate":
            fortress.keys["by command's heir"] = json.loads(said)["key"]
        else:
            assert fortress.keys.found_in(said) == [], verb
    assert fortress.keys.found_in(str(by_command(fortress))) == []
