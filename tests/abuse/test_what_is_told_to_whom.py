"""Nobody is told what he may not know: without a key, with another one, or by what is kept."""

import json

import pytest
from fortress import refusal
from rawhttp import fresh_address

MARKETS = "/v1/markets"
BRIEF = {"status", "collectors", "storage", "uptime", "version"}
JSON = {"Content-Type": "application/json"}


def test_a_stranger_hears_of_the_health_no_more_than_that_it_lives(fortress):
    for name in (None, "market:read", "keys:admin"):
        told = fortress.ask("/health", name)
        assert told.status == 200
        assert set(told.document) <= BRIEF, name
    assert "detail" in fortress.ask("/health", "metrics:read").document


def test_a_wrong_key_is_refused_also_where_none_is_needed(fortress):
    for target in ("/health", "/openapi.json", "/asyncapi.json"):
        assert refusal(fortress.ask(target, "guessed")) == (401, "key_invalid"), target


def test_what_is_kept_is_not_confirmed_to_strangers(fortress):
    target = "/v1/markets/binance-spot/BTCUSDT/depth?levels=1"
    tag = fortress.ask(target, "all").headers["ETag"]

    for shown in (tag, "*"):
        asked = {"If-None-Match": shown}
        assert refusal(fortress.ask(target, None, asked)) == (401, "key_missing")
        assert refusal(fortress.ask(target, "audit:read", asked)) == (403, "scope_missing")


def test_answers_are_kept_apart_by_key_and_by_page(fortress):
    answer = fortress.ask("/v1/markets/binance-spot/BTCUSDT/candles", "all")

    varied = {name.strip().lower() for name in answer.headers["Vary"].split(",")}
    assert {"authorization", "x-api-key", "origin"} <= varied
    assert "private" in answer.headers["Cache-Control"]


def test_a_new_key_is_kept_by_nobody(fortress):
    body = json.dumps({"owner": "abuse", "scopes": ["market:read"]}).encode()

    answer = fortress.ask("/v1/keys", "all", JSON, method="POST", body=body)

    fortress.keys["kept by nobody"] = answer.document["data"]["key"]
    assert answer.status == 201
    assert answer.headers["Cache-Control"] == "no-store"


def test_no_key_is_told_by_the_audit_log_that_was_asked_of_it(fortress):
    address = fresh_address()
    key = fortress.key("market:read")
    answer = fortress.ask("/v1/audit?limit=1000", "audit:read", address=address)

    assert answer.status == 200
    assert fortress.keys.found_in(answer.body.decode()) == []
    assert key[18:] not in str(fortress.events(address))


@pytest.mark.parametrize(
    "filters",
    [
        "action=../../etc/passwd",
        "owner=%00",
        "key_id=%2e%2e%2f",
        "surface=system'--",
        "outcome=%7B%7B7*7%7D%7D",
        "cursor=AAAA",
        "cursor=" + "A" * 4000,
        "writer=../../keys.pepper",
        "limit=100000",
        "limit=-1",
        "action=%28a%2B%29%2B%24",
    ],
)
def test_a_filter_of_the_audit_log_is_a_filter_and_nothing_else(fortress, filters):
    answer = fortress.ask(f"/v1/audit?{filters}", "audit:read")

    if answer.status == 200:
        assert answer.document["data"]["events"] == []
    else:
        assert answer.status in {400, 422}, answer.body[:300]
        assert answer.code


ODD = ("User-Agent", "Referer", "Cookie", "X-Request-ID", "From", "Via", "Last-Event-ID", "Accept")


@pytest.mark.parametrize("header", ODD)
def test_a_key_in_another_header_opens_nothing_and_is_not_written_down(fortress, header):
    address = fresh_address()

    answer = fortress.ask(MARKETS, None, {header: fortress.key("all")}, address=address)

    assert refusal(answer) == (401, "key_missing")
    assert fortress.keys.found_in(answer.all_of_it.decode()) == []
    [event] = fortress.events(address)
    assert fortress.keys.found_in(str(event)) == []


def test_a_key_in_a_call_of_mcp_is_not_written_down(fortress):
    key = fortress.key("market:read")
    address = fresh_address()
    fortress.call_tool("get_market_depth", "all", address, venue="binance-spot", symbol=key)
    fortress.rpc(key, "all", address)
    fortress.rpc("tools/call", "all", address, name=key, arguments={})
    fortress.rpc("resources/read", "all", address, uri=f"marketdata://docs/{key}")
    fortress.rpc("prompts/get", "all", address, name=key, arguments={key: key})

    assert fortress.keys.found_in(str(fortress.events(address))) == []
    assert fortress.keys.found_in(fortress.log.read_text()) == []
