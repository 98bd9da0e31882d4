"""A web page of somebody else, and a name that is not ours, on every surface alike."""

import pytest
from fortress import NAME, PAGE, refusal
from rawhttp import fresh_address
from wsabuse import turned_away

FOREIGN = (
    "https://evil.example",
    "http://desk.example",
    "https://desk.example:444",
    "https://desk.example.evil.example",
    "https://evildesk.example",
    "https://desk.example@evil.example",
    "https://desk.example/",
    "null",
    "file://",
    "chrome-extension://abcdef",
    "http://127.0.0.1.evil.example",
    "http://localhost.evil.example",
    "*",
    "",
)
STRANGE = (
    "evil.example",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "evil.example:80",
    "market.example.evil.example",
    "xmarket.example",
    "127.0.0.1@evil.example",
    "evil.example#127.0.0.1",
    "evil.example\\@127.0.0.1",
    "0",
    "169.254.169.254",
    "[::ffff:1.2.3.4]",
    "[",
    ":80",
    "",
)
SURFACES = {
    "rest": ("/v1/markets", "GET"),
    "mcp": ("/mcp", "POST"),
    "events": ("/v1/stream/sse?channels=trades:binance-spot:BTCUSDT", "GET"),
    "health": ("/health", "GET"),
    "nowhere": ("/nowhere", "GET"),
}


@pytest.mark.parametrize("origin", FOREIGN)
@pytest.mark.parametrize("surface", SURFACES)
def test_a_foreign_page_is_refused_with_any_key(fortress, surface, origin):
    target, method = SURFACES[surface]
    address = fresh_address()

    answer = fortress.ask(target, "all", {"Origin": origin}, method=method, address=address)

    assert refusal(answer) == (403, "origin_refused")
    assert not [name for name in answer.headers if name.lower().startswith("access-control-")]
    [event] = fortress.events(address)
    assert (event["code"], event["outcome"]) == ("origin_refused", "refused")


@pytest.mark.parametrize("host", STRANGE)
@pytest.mark.parametrize("surface", SURFACES)
def test_a_name_that_is_not_ours_is_refused_with_any_key(fortress, surface, host):
    target, method = SURFACES[surface]
    address = fresh_address()

    answer = fortress.ask(target, "all", {"Host": host}, method=method, address=address)

    assert refusal(answer) in {(421, "host_refused"), (400, "bad_request")}
    [event] = fortress.events(address)
    assert (event["code"], event["outcome"]) == (answer.code, "refused")


@pytest.mark.parametrize(
    "shown", [{"Origin": FOREIGN[0]}, {"Host": STRANGE[0]}, {"Origin": "null"}]
)
def test_a_websocket_of_a_foreign_page_is_not_accepted(fortress, shown):
    address = fresh_address()
    fortress.expect(address, 1)

    answer = turned_away(fortress, "all", headers=shown, address=address)

    assert refusal(answer) in {(403, "origin_refused"), (421, "host_refused"), (400, "bad_request")}
    assert len(fortress.events(address)) == 1


@pytest.mark.parametrize("origin", FOREIGN)
def test_a_foreign_preflight_is_told_nothing(fortress, origin):
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "DELETE",
        "Access-Control-Request-Headers": "authorization",
    }

    answer = fortress.ask("/v1/keys", headers=asked, method="OPTIONS")

    assert 400 <= answer.status < 500
    assert not [name for name in answer.headers if name.lower().startswith("access-control-")]


def test_a_known_page_is_let_in_by_its_own_name_and_no_other(fortress):
    answer = fortress.ask("/v1/markets", "all", {"Origin": PAGE})

    assert answer.status == 200
    assert answer.headers["Access-Control-Allow-Origin"] == PAGE
    assert "Origin" in answer.headers["Vary"]
    assert answer.headers.get("Access-Control-Allow-Credentials", "false") != "true"


@pytest.mark.parametrize("host", [NAME, NAME.upper(), "localhost", "127.0.0.1", "[::1]"])
def test_a_name_of_ours_is_answered(fortress, host):
    answer = fortress.ask("/v1/markets", "all", {"Host": f"{host}:{fortress.door.port}"})

    assert answer.status == 200
