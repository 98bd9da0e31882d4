"""Rotation, grace, replay and revocation, as who holds the key feels them."""

import json
import time
from contextlib import closing
from email.utils import parsedate_to_datetime

import pytest
from fortress import CACHE_S, Fortress, refusal
from rawhttp import dialled, fresh_address, written
from wsabuse import hear, joined, left_with, say

from cloud_marketdata.core.clock import SystemClock

MARKETS = "/v1/markets"
TRADES = {"name": "trades", "venue": "binance-spot", "symbol": "BTCUSDT"}
PROMPT_S = 5 + CACHE_S


def made(fortress: Fortress, name: str, *scopes: str) -> str:
    """Have a key made, note it under a name, and return its id."""
    wish = {"owner": name, "scopes": list(scopes or ("market:read", "stream:read"))}
    headers = {"Content-Type": "application/json"}
    body = json.dumps(wish).encode()
    answer = fortress.ask("/v1/keys", "all", headers, method="POST", body=body)
    assert answer.status == 201, answer.body
    fortress.keys[name] = answer.document["data"]["key"]
    return fortress.keys.id_of(name)


def rotated(fortress: Fortress, name: str, successor: str) -> None:
    """Have a key replace itself, and note its successor."""
    answer = fortress.ask("/v1/keys/self/rotate", name, method="POST")
    assert answer.status == 201, answer.body
    fortress.keys[successor] = answer.document["data"]["key"]


def revoke(fortress: Fortress, key_id: str) -> None:
    answer = fortress.ask(f"/v1/keys/{key_id}", "keys:admin", method="DELETE")
    assert answer.status == 200, answer.body


def soon(fortress: Fortress, name: str, expected: tuple[int, str]) -> float:
    """Ask until the answer is as expected; return how long that took."""
    clock = SystemClock()
    begun = clock.monotonic()
    while (found := refusal(fortress.ask(MARKETS, name))) != expected:
        assert clock.monotonic() - begun < PROMPT_S, found
        time.sleep(0.05)
    return clock.monotonic() - begun


def test_a_revoked_key_is_refused_at_once_where_it_was_revoked(fortress):
    key_id = made(fortress, "to revoke")
    assert fortress.ask(MARKETS, "to revoke").status == 200

    revoke(fortress, key_id)

    assert soon(fortress, "to revoke", (401, "key_revoked")) <= CACHE_S + 0.5


def test_a_replaced_key_is_told_so_as_long_as_it_is_taken(fortress):
    made(fortress, "old")
    rotated(fortress, "old", "new")

    time.sleep(CACHE_S)
    answer = fortress.ask(MARKETS, "old")

    assert answer.status == 200
    assert answer.headers["Deprecation"].startswith("@")
    assert parsedate_to_datetime(answer.headers["Sunset"]).timestamp() > SystemClock().now() / 1e9
    fresh = fortress.ask(MARKETS, "new")
    assert fresh.status == 200
    assert "Deprecation" not in fresh.headers


def test_a_retiring_key_is_told_so_on_every_surface(fortress):
    assert "Deprecation" in fortress.ask(MARKETS, "retiring").headers
    assert "Sunset" in fortress.rpc("tools/list", "retiring").headers
    assert "Sunset" in fortress.ask("/nowhere", "retiring").headers


def test_a_key_behind_its_grace_is_refused(fortress):
    assert refusal(fortress.ask(MARKETS, "replaced")) == (401, "key_expired")
    assert refusal(fortress.rpc("tools/list", "replaced")) == (401, "key_expired")


def test_a_stolen_old_key_makes_no_second_successor_once_the_first_is_used(fortress):
    made(fortress, "stolen")
    rotated(fortress, "stolen", "rightful")
    assert fortress.ask(MARKETS, "rightful").status == 200

    answer = fortress.ask("/v1/keys/self/rotate", "stolen", method="POST")

    assert refusal(answer) == (409, "key_replaced")
    assert fortress.ask(MARKETS, "rightful").status == 200


def test_a_refused_key_rotates_nothing(fortress):
    for name, code in {"expired": "key_expired", "revoked": "key_revoked"}.items():
        answer = fortress.ask("/v1/keys/self/rotate", name, method="POST")
        assert refusal(answer) == (401, code)


def test_a_successor_has_no_more_than_its_predecessor(fortress):
    made(fortress, "modest", "market:read")
    rotated(fortress, "modest", "modest heir")

    assert refusal(fortress.ask("/v1/keys", "modest heir")) == (403, "scope_missing")


def test_no_key_is_made_with_more_than_its_maker_may(fortress):
    """A key that may only make keys could otherwise make itself one that may everything."""
    wish = json.dumps({"owner": "abuse", "scopes": ["keys:admin", "audit:read"]}).encode()
    headers = {"Content-Type": "application/json"}
    for name in ("all", "market:read"):
        target = f"/v1/keys/{fortress.keys.id_of(name)}/rotate"
        answer = fortress.ask(target, "keys:admin", method="POST")
        assert refusal(answer) == (403, "scope_missing"), name

    answer = fortress.ask("/v1/keys", "keys:admin", headers, method="POST", body=wish)

    assert refusal(answer) == (403, "scope_missing")


def test_a_key_needs_scopes_that_there_are(fortress):
    headers = {"Content-Type": "application/json"}
    for scopes in (["everything"], ["market:read", "*"], [], ["MARKET:READ"], "market:read"):
        body = json.dumps({"owner": "abuse", "scopes": scopes}).encode()
        answer = fortress.ask("/v1/keys", "keys:admin", headers, method="POST", body=body)
        assert answer.status in {400, 422}, (scopes, answer.status)


@pytest.mark.parametrize(
    "wish",
    [
        {"owner": "", "scopes": ["market:read"]},
        {"owner": "a" * 10_000, "scopes": ["market:read"]},
        {"owner": "a\r\nX-Injected: 1", "scopes": ["market:read"]},
        {"owner": "a", "scopes": ["market:read"], "sink": "../../etc/cron.d/x"},
        {"owner": "a", "scopes": ["market:read"], "sink": "/etc/passwd"},
        {"owner": "a", "scopes": ["market:read"], "sink": "a\x00b"},
        {"owner": "a", "scopes": ["market:read"], "networks": ["0.0.0.0/99"]},
        {"owner": "a", "scopes": ["market:read"], "networks": ["10.0.0.0/8"] * 10_000},
        {"owner": "a", "scopes": ["market:read"], "per_minute": -1},
        {"owner": "a", "scopes": ["market:read"], "per_minute": 10**30},
        {"owner": "a", "scopes": ["market:read"], "unknown": 1},
        {"scopes": ["market:read"]},
        [],
        None,
    ],
)
def test_a_hostile_wish_makes_no_key(fortress, wish):
    headers = {"Content-Type": "application/json"}
    body = json.dumps(wish).encode()

    answer = fortress.ask("/v1/keys", "all", headers, method="POST", body=body)

    assert answer.status in {400, 413, 422}, answer.body[:300]
    assert answer.code


def test_a_list_of_keys_tells_no_secret_and_no_hash(fortress):
    answer = fortress.ask("/v1/keys", "keys:admin")

    assert answer.status == 200
    assert fortress.keys.found_in(answer.body.decode()) == []
    assert b'"mac"' not in answer.body
    assert b"pepper" not in answer.body


def test_a_websocket_ends_within_seconds_of_its_key(fortress):
    key_id = made(fortress, "streaming")
    address = fresh_address()
    clock = SystemClock()
    with joined(fortress, "streaming", address=address) as connection:
        assert say(connection, op="subscribe", channels=[TRADES])["ok"]
        revoke(fortress, key_id)
        begun = clock.monotonic()
        code, reason = left_with(connection)

    assert (code, reason) == (4401, "key_revoked")
    assert clock.monotonic() - begun < PROMPT_S
    fortress.expect(address, 3)
    assert [event["action"] for event in fortress.events(address)] == [
        "ws.connect",
        "ws.subscribe",
        "ws.close",
    ]
    last = fortress.events(address)[-1]
    assert (last["code"], last["outcome"]) == ("key_revoked", "refused")


def test_a_websocket_that_authenticated_by_op_ends_as_soon(fortress):
    key_id = made(fortress, "by op")
    with joined(fortress) as connection:
        assert say(connection, op="auth", key=fortress.key("by op"))["ok"]
        assert say(connection, op="subscribe", channels=[TRADES])["ok"]
        revoke(fortress, key_id)
        code, reason = left_with(connection)

    assert (code, reason) == (4401, "key_revoked")


def test_an_event_stream_ends_within_seconds_of_its_key(fortress):
    key_id = made(fortress, "events")
    clock, address = SystemClock(), fresh_address()
    target = "/v1/stream/sse?channels=trades:binance-spot:BTCUSDT"
    with closing(dialled(fortress.door, address)) as connection:
        headers = {"X-API-Key": fortress.key("events")}
        connection.sendall(written(fortress.door, target, headers))
        assert b"200 OK" in connection.recv(65_536)
        revoke(fortress, key_id)
        begun, heard = clock.monotonic(), b""
        while piece := connection.recv(65_536):
            heard += piece
            if b"key_revoked" in heard:
                break
            assert clock.monotonic() - begun < PROMPT_S
    fortress.expect(address, 1)
    [event] = fortress.events(address)
    assert event["code"] == "key_revoked"


def test_a_replaced_key_is_told_in_the_stream(fortress):
    made(fortress, "told")
    with joined(fortress, "told") as connection:
        say(connection, op="subscribe", channels=[TRADES])
        rotated(fortress, "told", "told heir")
        notice = next(hear(connection, "ends_at", PROMPT_S))

    assert (notice["op"], notice["code"]) == ("notice", "key_retired")
    assert notice["key_id"] == fortress.keys.id_of("told")


def test_a_key_of_ten_a_minute_is_refused_at_the_eleventh(fortress):
    said = [fortress.ask(MARKETS, "slow") for _ in range(12)]

    assert [answer.status for answer in said[:10]] == [200] * 10
    assert refusal(said[-1]) == (429, "quota_exceeded")
    assert int(said[-1].headers["Retry-After"]) >= 1
    assert '"key"' in said[-1].headers["RateLimit"]
    assert refusal(fortress.rpc("tools/list", "slow")) == (429, "quota_exceeded")
