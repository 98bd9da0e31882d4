"""Whoever has no key, or not the right one, is told so by its code on every surface, once."""

import pytest
from fortress import refusal
from rawhttp import fresh_address
from wsabuse import joined, left_with, say, turned_away

MARKETS = "/v1/markets"
WRONG = {
    "nothing": ("", 401, "key_missing"),
    "a word": ("hello", 401, "key_invalid"),
    "another's key": (
        "sk_live_51H8xQpXyZ0123456789abcdefghijklmnopqrstuvwxyz0123",
        401,
        "key_invalid",
    ),
    "our prefix alone": ("cmd_live_", 401, "key_invalid"),
    "a wrong secret": ("guessed", 401, "key_invalid"),
    "a typo": ("mistyped", 401, "key_invalid"),
    "a key too long": ("lengthened", 401, "key_invalid"),
    "a key cut short": ("shortened", 401, "key_invalid"),
    "another case": ("upper", 401, "key_invalid"),
    "an unknown id": ("unknown", 401, "key_invalid"),
    "an expired key": ("expired", 401, "key_expired"),
    "a key behind its grace": ("replaced", 401, "key_expired"),
    "a revoked key": ("revoked", 401, "key_revoked"),
    "a key of elsewhere": ("elsewhere", 403, "address_refused"),
}


def text_of(fortress, name: str) -> str:
    """Return a key of the bunch, or the text itself where there is none of that name."""
    return fortress.keys.get(name, name)


def one_event(fortress, address: str, code: str, **more: object) -> dict:
    """Return the only event of an address, of that code, with no secret in it."""
    [event] = fortress.events(address)
    assert (event["outcome"], event["code"]) == ("refused", code)
    assert {name: event[name] for name in more} == more
    assert fortress.keys.found_in(str(event)) == []
    return event


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("shown", ["Authorization", "X-API-Key"])
def test_rest_refuses_it(fortress, wrong, shown):
    name, status, code = WRONG[wrong]
    key = text_of(fortress, name)
    value = f"Bearer {key}" if shown == "Authorization" else key
    address = fresh_address()

    answer = fortress.ask(MARKETS, headers={shown: value} if key else {}, address=address)

    assert refusal(answer) == (status, code)
    assert ("WWW-Authenticate" in answer.headers) == (status == 401)
    assert answer.headers["Cache-Control"] == "no-store"
    assert fortress.keys.found_in(answer.all_of_it.decode()) == []
    one_event(fortress, address, code, status=status, surface="rest")


@pytest.mark.parametrize("wrong", WRONG)
def test_mcp_refuses_it(fortress, wrong):
    name, status, code = WRONG[wrong]
    key = text_of(fortress, name)
    address = fresh_address()
    headers = {"X-API-Key": key, "Accept": "application/json, text/event-stream"} if key else {}

    answer = fortress.ask("/mcp", headers=headers, method="POST", body=b"{}", address=address)

    assert refusal(answer) == (status, code)
    one_event(fortress, address, code, status=status, surface="mcp")


@pytest.mark.parametrize("wrong", list(WRONG)[1:])
def test_a_websocket_with_it_is_not_accepted(fortress, wrong):
    name, status, code = WRONG[wrong]
    address = fresh_address()
    fortress.expect(address, 1)

    answer = turned_away(fortress, headers={"X-API-Key": text_of(fortress, name)}, address=address)

    assert refusal(answer) == (status, code)
    one_event(fortress, address, code, status=status, surface="ws")


@pytest.mark.parametrize("wrong", list(WRONG)[1:])
def test_the_auth_op_with_it_is_refused_and_soon_the_connection_ends(fortress, wrong):
    name, _, code = WRONG[wrong]
    address = fresh_address()

    with joined(fortress, address=address) as connection:
        replies = [say(connection, op="auth", key=text_of(fortress, name)) for _ in range(3)]
        closed, _ = left_with(connection)

    assert [(reply["ok"], reply["code"]) for reply in replies] == [(False, code)] * 3
    assert closed == 4401
    assert fortress.keys.found_in(str(replies)) == []
    fortress.expect(address, 5)
    events = fortress.events(address)
    assert [event["action"] for event in events] == [
        "ws.connect",
        *["ws.auth"] * 3,
        "ws.close",
    ]
    assert [event.get("code", "") for event in events[1:]] == [code] * 4
    assert fortress.keys.found_in(str(events)) == []


TWICE = {
    "Authorization twice": [("Authorization", "Bearer {}"), ("Authorization", "Bearer {}")],
    "X-API-Key twice": [("X-API-Key", "{}"), ("X-API-Key", "{}")],
    "both": [("X-API-Key", "{}"), ("Authorization", "Bearer {}")],
    "two in one": [("Authorization", "Bearer {}, Bearer {}")],
    "behind Basic": [("Authorization", "Basic {}")],
    "without its scheme": [("Authorization", "{}")],
    "an empty one too": [("X-API-Key", ""), ("Authorization", "Bearer {}")],
    "an empty one": [("X-API-Key", "")],
    "an empty Bearer": [("Authorization", "Bearer ")],
    "other letters": [("X-API-Key", "\xfc\xff{}")],
}


@pytest.mark.parametrize("how", TWICE)
def test_a_good_key_that_is_not_shown_once_and_alone_is_invalid(fortress, how):
    address = fresh_address()
    key = fortress.key("all")
    headers = [(name, value.replace("{}", key)) for name, value in TWICE[how]]

    answer = fortress.ask(MARKETS, headers=headers, address=address)

    assert refusal(answer) == (401, "key_invalid")
    one_event(fortress, address, "key_invalid", status=401)


IN_QUERY = (
    "/v1/markets?key={}",
    "/v1/markets?api_key={}&format=json",
    "/v1/markets?{}",
    "/v1/markets?format={}",
    "/v1/markets?x=%20{}",
    "/health?token={}",
    "/openapi.json?x={}",
    "/mcp?authorization=Bearer%20{}",
    "/v1/stream/sse?channels={}",
    "/v1/markets/binance-spot/{}/trades",
    "/nowhere/{}",
)


def escaped(key: str) -> str:
    return "".join(f"%{ord(letter):02x}" for letter in key)


@pytest.mark.parametrize("target", IN_QUERY)
@pytest.mark.parametrize("spelled", [str, escaped], ids=["plain", "escaped"])
def test_a_key_in_the_address_is_refused_whatever_else_is_shown(fortress, target, spelled):
    address = fresh_address()
    key = fortress.key("market:read")

    answer = fortress.ask(target.replace("{}", spelled(key)), "all", address=address)

    assert refusal(answer) == (400, "key_in_query")
    event = one_event(fortress, address, "key_in_query", status=400)
    assert escaped(key)[30:] not in str(event)


def test_a_key_in_the_address_of_a_websocket_is_refused(fortress):
    address = fresh_address()
    fortress.expect(address, 1)

    path = f"/v1/stream?key={fortress.key('market:read')}"
    answer = turned_away(fortress, "all", address=address, path=path)

    assert refusal(answer) == (400, "key_in_query")
    one_event(fortress, address, "key_in_query", status=400)
