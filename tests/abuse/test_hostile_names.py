"""Symbols and venues that would like to be paths, templates, headers or patterns."""

import pytest
from rawhttp import fresh_address

NAMES = (
    "../../etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "%2e%2e/%2e%2e/etc",
    "%2e%2e%2f",
    "%252e%252e%252f",
    "..%5c..%5cetc",
    "BTC%00USDT",
    "BTCUSDT%00",
    "BTCUSDT%0a",
    "BTC%0d%0aX-Injected:1",
    "{{7*7}}",
    "%7B%7B7*7%7D%7D",
    "%24%7B7*7%7D",
    "%7B0.__class__%7D",
    "%25s%25n%25x",
    "%3Cscript%3Ealert(1)%3C/script%3E",
    "'%20OR%201=1--",
    "btcusdt",
    "%F0%9F%92%A9",
    "%ff%fe",
    "*",
    "%5B%5E%5D",
    "BTCUSDT%2Ftrades",
    "trades:*",
    "BTCUSDT;levels=1",
    "B" * 1000,
)
PLACES = {
    "trades": "/v1/markets/binance-spot/{}/trades",
    "profile": "/v1/markets/binance-spot/{}/volume-profile?session=month",
    "venue": "/v1/markets/{}/BTCUSDT/candles",
    "composite": "/v1/composite/{}/order-flow?venues=binance-spot,bybit-spot",
    "pair": "/v1/pairs/{}/anomalies?venues=binance-spot,bybit-spot",
    "events": "/v1/stream/sse?channels=trades:binance-spot:{}",
}
LEAKED = (b"root:", b"x-injected: 1", b"49}}", b"Traceback", b"site-packages")
TOOL_NAMES = ("../../etc", "\x00", "BTC\r\nX", "{{7*7}}", "${7*7}", "%s%n", "B" * 1000, "*")


@pytest.mark.parametrize("place", PLACES)
def test_a_name_is_a_name_and_nothing_else(fortress, place):
    for name in NAMES:
        answer = fortress.ask(PLACES[place].format(name), "all")
        told = (name[:60], answer.status, answer.body[:300])
        assert answer.status in {400, 404, 414, 422}, told
        assert answer.code, told
        assert not [leak for leak in LEAKED if leak.lower() in answer.all_of_it.lower()], told


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_no_such_name_is_collected(fortress, method):
    for name in NAMES:
        target = f"/v1/admin/symbols/binance-spot/{name}"
        answer = fortress.ask(target, "all", method=method)
        assert 400 <= answer.status < 500, (name, answer.status, answer.body[:300])
        assert answer.code, name


@pytest.mark.parametrize("tool", ["get_market_depth", "get_candles", "stream_trades"])
def test_a_tool_takes_no_such_name_either(fortress, tool):
    for name in TOOL_NAMES:
        told = fortress.call_tool(tool, "all", venue="binance-spot", symbol=name)
        assert told.problem["code"] in {"unknown_market", "invalid_request", "bad_request"}, told


def test_a_resource_is_no_file(fortress):
    for uri in ("file:///etc/passwd", "marketdata://docs/../../etc", "marketdata://docs/%2e%2e/x"):
        answer = fortress.rpc("resources/read", "all", fresh_address(), uri=uri)
        assert b"root:" not in answer.body
        assert b"error" in answer.body
