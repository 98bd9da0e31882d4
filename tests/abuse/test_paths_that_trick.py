"""Spellings of a path, methods and upgrades that might get around whoever guards it."""

import pytest
from fortress import refusal
from rawhttp import fresh_address
from wsabuse import turned_away

KEYS = (
    "//v1/keys",
    "/v1//keys",
    "/v1/keys/",
    "/v1/keys//",
    "/%761/keys",
    "/v1/%6beys",
    "/v1%2fkeys",
    "/v1/keys%2f",
    "/v1/keys%00",
    "/v1/keys%20",
    "/v1/keys;x=1",
    "/v1/keys?",
    "/v1/./keys",
    "/v1/../v1/keys",
    "/health/../v1/keys",
    "/openapi.json/../v1/keys",
    "/health/%2e%2e/v1/keys",
    "/health%2f..%2fv1%2fkeys",
    "/V1/KEYS",
    "/v1\\keys",
    "\\v1\\keys",
    "/mcp/../v1/keys",
    "/mcp/",
    "/mcp/x",
    "/mcp%2f",
    "//mcp",
    "/MCP",
    "/docs",
    "/redoc",
    "/docs/oauth2-redirect",
    "/metrics",
    "/v1/audit/",
    "http://evil.example/v1/keys",
    "*",
)
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")
OVERRIDES = {
    "X-HTTP-Method-Override": "GET",
    "X-Method-Override": "GET",
    "X-HTTP-Method": "GET",
    "X-Original-URL": "/health",
    "X-Rewrite-URL": "/health",
    "X-Forwarded-Prefix": "/health",
    "X-Forwarded-Host": "127.0.0.1",
    "Forwarded": "for=127.0.0.1",
    "X-Real-IP": "127.0.0.1",
    "X-Client-IP": "127.0.0.1",
}


@pytest.mark.parametrize("target", KEYS)
def test_no_spelling_of_a_path_opens_it_without_a_key(fortress, target):
    for method in METHODS:
        answer = fortress.ask(target, method=method)
        assert 400 <= answer.status < 500, (method, target, answer.status, answer.body[:200])
        if answer.status == 401 and method != "HEAD":
            assert answer.code == "key_missing"


@pytest.mark.parametrize("target", KEYS)
def test_no_spelling_of_a_path_opens_it_to_another_scope(fortress, target):
    """What the table of scopes reads and what the router reads are the same path."""
    for method in METHODS:
        answer = fortress.ask(target, "audit:read", method=method)
        assert 400 <= answer.status < 500, (method, target, answer.status, answer.body[:200])


@pytest.mark.parametrize("header", OVERRIDES)
def test_no_header_makes_another_request_of_it(fortress, header):
    answer = fortress.ask("/v1/keys", headers={header: OVERRIDES[header]}, method="POST")

    assert refusal(answer) == (401, "key_missing")


@pytest.mark.parametrize("path", ["/v1/markets", "/v1/keys", "/health", "/mcp", "/", "/v1/stream/"])
def test_a_websocket_opens_nothing_but_the_stream(fortress, path):
    address = fresh_address()
    fortress.expect(address, 1)

    answer = turned_away(fortress, "all", address=address, path=path)

    assert 400 <= answer.status < 500
    assert len(fortress.events(address)) == 1


def test_a_websocket_without_a_key_reaches_no_path_beside_the_stream(fortress):
    answer = turned_away(fortress, path="/v1/keys")

    assert answer.status in {401, 403, 404}


def test_a_plain_request_for_the_stream_is_no_way_in(fortress):
    answer = fortress.ask("/v1/stream")

    assert refusal(answer) == (401, "key_missing")


def test_the_service_does_not_say_what_it_is_made_of(fortress):
    answer = fortress.ask("/v1/markets")

    assert "uvicorn" not in answer.headers.get("Server", "")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
