"""Each HTTP request is one event of the audit log, however it ends, and each answer is dressed."""

import asyncio

import pytest
from doorstep import ASKING, HOST, MARKETS, Answer, Doorstep, answered, bearer
from starlette.testclient import TestClient

from cloud_marketdata.api.edge.edge import Edge
from cloud_marketdata.api.edge.visit import visit_of
from cloud_marketdata.api.errors import Problems

ROOT = "/v1/markets/binance-usdm/BTCUSDT"
DRESS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
}
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
EVENTS = {"Accept": "application/json, text/event-stream"}


@pytest.fixture(scope="module")
def door() -> Doorstep:
    return Doorstep()


@pytest.mark.parametrize(
    ("path", "method", "action", "told"),
    [
        ("/health", "GET", "GET /health", (200, "ok", "")),
        (MARKETS, "GET", "GET /v1/markets", (200, "ok", "")),
        (f"{ROOT}/trades?limit=5", "GET", "trades", (200, "ok", "")),
        (f"{ROOT}/trades?limit=x", "GET", "trades", (422, "refused", "invalid_request")),
        (f"{ROOT}/depth", "GET", "depth", (409, "refused", "not_ready")),
        (f"{ROOT}/nothing", "GET", "GET (nowhere)", (404, "refused", "not_found")),
        ("/v1/markets", "PUT", "PUT /v1/markets", (405, "refused", "method_not_allowed")),
        ("/v1/keys/self", "GET", "GET /v1/keys/self", (401, "refused", "key_missing")),
        ("/v1/keys/ab12cd34", "DELETE", "key", (404, "refused", "unknown_key")),
        ("/openapi.json", "GET", "GET /openapi.json", (200, "ok", "")),
        ("/asyncapi.json", "GET", "GET /asyncapi.json", (200, "ok", "")),
        ("/docs", "GET", "GET (nowhere)", (404, "refused", "not_found")),
        ("/redoc", "GET", "GET (nowhere)", (404, "refused", "not_found")),
    ],
)
def test_a_request_is_one_event_and_its_answer_is_dressed(door, path, method, action, told):
    before = len(door.events)
    agent = [(b"user-agent", b"a test")]
    answer = door.ask(path, method, agent)
    (event,) = door.events[before:]
    names = {
        "trades": "GET /v1/markets/{venue}/{symbol}/trades",
        "depth": "GET /v1/markets/{venue}/{symbol}/depth",
        "key": "DELETE /v1/keys/{key_id}",
    }
    assert event.action == names.get(action, action)
    assert (event.status, event.outcome, event.code) == told
    assert (event.surface, event.owner, event.agent) == ("rest", "local", "a test")
    assert event.resource == path.partition("?")[0]
    assert event.params == ({"limit": path[-1]} if "?" in path else {})
    assert event.bytes == len(answer.body)
    assert event.request_id == answer.headers["x-request-id"]
    assert answer.headers | DRESS == answer.headers
    assert "server" not in answer.headers


def test_a_failure_of_ours_is_told_once_and_nothing_of_its_inside(door, monkeypatch):
    async def broken() -> None:
        msg = "the password is hunter2"
        raise RuntimeError(msg)

    monkeypatch.setattr(door.market.queries, "markets", broken)
    before = len(door.events)
    client = TestClient(
        door.app,
        base_url="http://127.0.0.1",
        client=("127.0.0.1", 1),
        raise_server_exceptions=False,
    )
    answer = client.get(MARKETS)
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "hunter2" not in answer.text
    assert dict(answer.headers) | DRESS == dict(answer.headers)
    (event,) = door.events[before:]
    assert (event.status, event.outcome, event.code) == (500, "failed", "internal")


def test_who_is_cut_off_in_the_middle_is_one_event_too(door, monkeypatch):
    reached = asyncio.Event()

    async def endless() -> None:
        reached.set()
        await asyncio.Event().wait()

    async def law() -> None:
        monkeypatch.setattr(door.market.queries, "markets", endless)
        scope = {
            "type": "http",
            "method": "GET",
            "scheme": "http",
            "path": MARKETS,
            "query_string": b"",
            "headers": [HOST],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 8000),
        }
        before = len(door.events)
        asked = asyncio.ensure_future(answered(door.app, scope, [b""]))
        await reached.wait()
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        (event,) = door.events[before:]
        assert (event.status, event.outcome, event.code) == (499, "failed", "cancelled")

    asyncio.run(law())


def test_mcp_is_an_event_and_its_answers_are_dressed():
    door = Doorstep()
    with TestClient(door.app, base_url="http://127.0.0.1", client=("127.0.0.1", 1)) as client:
        answers = [client.post("/mcp", json=INITIALIZE, headers=EVENTS) for _ in range(3)]
        refused = client.get("/mcp", headers=EVENTS)
    for answer in answers:
        names = [name for name, _ in answer.headers.multi_items()]
        assert len(names) == len(set(names))
        assert dict(answer.headers) | DRESS == dict(answer.headers)
        assert answer.headers["content-type"].startswith(("application/json", "text/event-stream"))
    assert (refused.status_code, refused.json()["code"]) == (405, "method_not_allowed")
    events = [one for one in door.events if one.surface == "mcp"]
    assert [one.status for one in events] == [200, 200, 200, 405]
    assert len({one.request_id for one in events}) == 4


def knocked(door: Doorstep, *headers: tuple[bytes, bytes], **scope: object) -> Answer:
    return door.ask(
        "/v1/stream",
        method="",
        headers=headers,
        type="websocket",
        scheme="ws",
        extensions={"websocket.http.response": {}},
        **scope,
    )


@pytest.mark.parametrize(
    ("header", "refused"),
    [
        ((b"host", b"evil.example"), (421, "host_refused")),
        ((b"origin", b"https://evil.example"), (403, "origin_refused")),
        ((b"x-api-key", b"cmd_live_ab12cd34_x"), (401, "key_invalid")),
        ((b"x-long", b"x" * 40_000), (431, "headers_too_large")),
    ],
)
def test_a_handshake_is_refused_with_a_problem_and_is_one_event(door, header, refused):
    before = len(door.events)
    answer = knocked(door, header)
    assert answer.refused == refused
    assert answer.headers | DRESS == answer.headers
    (event,) = door.events[before:]
    assert (event.action, event.surface, event.outcome) == ("ws.connect", "ws", "refused")
    assert (event.status, event.code) == refused


def test_a_handshake_that_the_server_cannot_deny_in_words_is_closed(door):
    before = len(door.events)
    asked = {"type": "websocket", "scheme": "ws", "extensions": {}}
    answer = door.ask("/v1/stream", "", [(b"origin", b"null")], **asked)
    assert answer.status == 0
    assert (door.events[before].status, door.events[before].code) == (403, "origin_refused")


def test_there_is_one_live_stream_and_no_other(door):
    asked = {"type": "websocket", "scheme": "ws", "extensions": {"websocket.http.response": {}}}
    assert door.ask("/health", "", **asked).refused == (405, "method_not_allowed")
    assert door.ask("/v1/other", "", **asked).refused == (404, "not_found")


def test_strangers_are_told_of_health_what_the_brief_says_and_no_more():
    door = Doorstep(**ASKING)
    brief = ["status", "collectors", "storage", "uptime"]
    assert list(door.ask("/health").json) == brief
    assert list(door.ask("/health", headers=bearer(door.key())).json) == brief
    told = door.ask("/health", headers=bearer(door.key("metrics:read"))).json
    assert list(told) == [*brief, "version", "detail"]
    assert list(Doorstep().ask("/health").json) == list(told)
    wrong = [(b"x-api-key", b"x")]
    assert door.ask("/health", headers=wrong).refused == (401, "key_invalid")


def test_a_key_is_told_that_it_is_to_be_replaced_and_until_when_it_is_taken():
    door = Doorstep(**ASKING, key_days=30, key_rotate_days=23, key_grace_hours=72)
    key = bearer(door.key())
    day = 86_400 * 1_000_000_000
    began = door.clock.time
    retires = (began + 30 * day) // 1_000_000_000
    for days, told in ((22.9, False), (23.1, True), (29.9, True), (30.1, True), (32.9, True)):
        door.clock.time = began + int(days * day)
        answer = door.ask(headers=key)
        assert answer.status == 200
        assert ("deprecation" in answer.headers) == told
        if told:
            assert answer.headers["deprecation"] == f"@{retires}"
            assert answer.headers["sunset"] == "Wed, 11 Sep 2024 00:08:00 GMT"
            assert answer.headers["x-api-key-expires"] == "2024-09-11T00:08:00Z"
    door.clock.time = began + int(33.1 * day)
    refused = door.ask(headers=key)
    assert refused.refused == (401, "key_expired")
    assert "error=" in refused.headers["www-authenticate"]


def test_a_key_is_named_in_the_log_by_its_public_part_alone():
    door = Doorstep(**ASKING)
    key = door.key()
    door.ask(headers=bearer(key))
    event = door.events[-1]
    assert (event.key_id, event.owner) == (key.split("_")[2], "tester")


def test_of_a_connection_that_is_accepted_only_the_stream_itself_tells(door):
    async def accepting(_scope, receive, send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.close", "code": 1000})

    problems = Problems("rest", door.clock)
    edge = Edge(accepting, door.guarded.edge, problems, door.clock, door.settings)
    asked = {
        "type": "websocket",
        "scheme": "ws",
        "path": "/v1/stream",
        "query_string": b"",
        "headers": [HOST],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8000),
    }
    before = len(door.events)
    asyncio.run(answered(edge, asked, []))
    assert door.events[before:] == []
    assert visit_of(asked).identity.owner == "local"
