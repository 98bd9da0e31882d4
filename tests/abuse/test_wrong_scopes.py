"""A key opens what its scope names and nothing beside: every route, tool and channel."""

import pytest
from fortress import refusal, said_by
from openapi_walk import Route, routes_of
from rawhttp import fresh_address
from wsabuse import joined, say, turned_away

SCOPES = ("market:read", "stream:read", "keys:admin", "audit:read", "metrics:read")
OPEN = {"/live", "/ready", "/health", "/openapi.json", "/asyncapi.json"}
OWN = {("POST", "/v1/keys/self/rotate"), ("GET", "/v1/keys/self")}
"""What every valid key may do: with itself."""


def needed(route: Route) -> str:
    """Return the scope that a route's place in the tree lets expect."""
    if route.path.startswith(("/v1/keys", "/v1/admin")):
        return "keys:admin"
    if route.path.startswith("/v1/audit"):
        return "audit:read"
    if route.path.startswith("/v1/stream"):
        return "stream:read"
    return "metrics:read" if route.path == "/metrics" else "market:read"


@pytest.fixture(scope="module")
def routes(fortress) -> list[Route]:
    described = routes_of(fortress.ask("/openapi.json", "all").document)
    return [
        route
        for route in described
        if route.path not in OPEN and (route.method, route.path) not in OWN
    ]


def test_the_walk_meets_every_kind_of_route(routes):
    paths = " ".join(route.path for route in routes)

    assert all(part in paths for part in ("/v1/keys", "/v1/audit", "/v1/admin", "/v1/stream/sse"))
    assert len(routes) > 20


def test_no_route_is_answered_without_a_key(fortress, routes):
    for route in routes:
        answer = fortress.ask(route.target(), method=route.method)
        assert refusal(answer) == (401, "key_missing"), route


def test_a_route_is_closed_to_every_scope_but_its_own(fortress, routes):
    for route in routes:
        for scope in set(SCOPES) - {needed(route)}:
            address = fresh_address()
            answer = fortress.ask(route.target(), scope, method=route.method, address=address)
            assert refusal(answer) == (403, "scope_missing"), (route.method, route.path, scope)


def test_a_refused_scope_is_one_event_of_that_key(fortress):
    address = fresh_address()

    fortress.ask("/v1/keys", "market:read", address=address)

    [event] = fortress.events(address)
    assert (event["code"], event["status"], event["outcome"]) == ("scope_missing", 403, "refused")
    assert event["key_id"] == fortress.keys.id_of("market:read")


def test_every_tool_is_closed_to_keys_without_market_data(fortress):
    tools = said_by(fortress.rpc("tools/list", "all"))["result"]["tools"]
    market = {"venue": "binance-spot", "symbol": "BTCUSDT"}

    assert len(tools) >= 9
    for tool in tools:
        for scope in ("keys:admin", "audit:read", "metrics:read"):
            address = fresh_address()
            told = fortress.call_tool(tool["name"], scope, address, **market)
            assert told.problem.get("code") == "scope_missing", (tool["name"], told.answer.body)
            [event] = fortress.events(address)
            assert (event["code"], event["outcome"]) == ("scope_missing", "refused")


@pytest.mark.parametrize("scope", sorted(set(SCOPES) - {"stream:read"}))
def test_the_stream_is_closed_to_other_scopes(fortress, scope):
    address = fresh_address()
    fortress.expect(address, 1)

    assert refusal(turned_away(fortress, scope, address=address)) == (403, "scope_missing")
    [event] = fortress.events(address)
    assert (event["code"], event["surface"]) == ("scope_missing", "ws")


def test_the_auth_op_looks_at_the_scope_too(fortress):
    with joined(fortress) as connection:
        reply = say(connection, op="auth", key=fortress.key("market:read"))

    assert (reply["ok"], reply["code"]) == (False, "scope_missing")
