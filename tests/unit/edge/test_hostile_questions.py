"""Names and numbers that mean harm are refused with a clear code, and echoed nowhere unescaped."""

import json

import pytest
from doorstep import Doorstep, bearer
from hypothesis import given
from hypothesis import strategies as st

ROOT = "/v1/markets/binance-usdm/BTCUSDT"
NAMES = [
    "..",
    "../../etc/passwd",
    "..\\..\\etc",
    "%2e%2e%2f",
    "a\x00b",
    "a\r\nX-Evil: 1",
    "{{7*7}}",
    "${jndi:ldap://x}",
    "{}",
    "%s%n",
    "BTCUSDT'--",
    "<script>alert(1)</script>",
    "A" * 5000,
    "\uff22\uff34\uff23USDT",
    "btcusdt",
    "\u202eTDSUCTB",
    "💣",
    " BTCUSDT",
]
NOUNS = ["trades", "candles", "volume-profile", "order-flow", "depth", "anomalies", "coverage"]
NUMBERS = [
    "NaN",
    "Infinity",
    "-1",
    "1e309",
    "0x10",
    "9" * 400,
    "",
    "1.5",
    "٣",
    "[]",
    "null",
    "\x00",
]


@pytest.fixture(scope="module")
def door() -> Doorstep:
    return Doorstep()


def harmless(door: Doorstep, path: str, **asked: object) -> tuple[int, str]:
    """Return how a request was refused; nothing of it stands in a header, and all text is JSON."""
    answer = door.ask(path, **asked)
    assert all(value.isprintable() for value in answer.headers.values())
    assert "x-evil" not in answer.headers
    assert b"\x00" not in answer.body
    json.loads(answer.body)
    assert len(answer.body) < 3000
    assert len(door.events[-1].resource) <= 256
    return answer.refused


@pytest.mark.parametrize("noun", NOUNS)
@pytest.mark.parametrize("name", NAMES)
def test_a_symbol_that_is_none_is_not_found(door, name, noun):
    for path in (f"/v1/markets/binance-usdm/{name}/{noun}", f"/v1/markets/{name}/BTCUSDT/{noun}"):
        status, code = harmless(door, path)
        assert (status, code) in {(404, "unknown_market"), (404, "not_found")}, path


@pytest.mark.parametrize("name", NAMES)
def test_a_symbol_that_is_none_is_never_collected(door, name):
    refused = harmless(door, f"/v1/admin/symbols/binance-spot/{name}", method="PUT")
    assert refused in {(409, "not_collecting"), (404, "not_found")}


@given(name=st.text(min_size=1, max_size=40))
def test_any_text_at_all_is_no_symbol(door, name):
    if name == "BTCUSDT" or "?" in name:
        return
    status, _ = harmless(door, f"/v1/markets/binance-usdm/{name}/trades")
    assert status == 404


@pytest.mark.parametrize(
    ("noun", "parameter"),
    [
        ("trades", "limit"),
        ("trades", "start"),
        ("trades", "cursor"),
        ("candles", "limit"),
        ("candles", "end"),
        ("volume-profile", "row_ticks"),
        ("volume-profile", "va_pct"),
        ("volume-profile", "rolling"),
        ("footprint", "ratio"),
        ("footprint", "min_volume"),
        ("depth", "levels"),
        ("order-flow", "anchor"),
        ("activity-bars", "size"),
    ],
)
@pytest.mark.parametrize("number", NUMBERS)
def test_a_number_that_is_none_or_out_of_bounds_is_refused(door, noun, parameter, number):
    if (parameter, number) in {("cursor", ""), ("va_pct", "1.5"), ("min_volume", "1.5")}:
        return
    status, _ = harmless(door, f"{ROOT}/{noun}?{parameter}={number}")
    assert status in {400, 422}


@pytest.mark.parametrize("noun", ["trades", "candles", "volume-profile", "coverage", "footprint"])
@pytest.mark.parametrize(("start", "end"), [(2000, 1000), (1000, 1000), (0, 10**15), (-5, 5)])
def test_a_range_that_is_reversed_empty_or_endless_is_refused(door, noun, start, end):
    answer = door.ask(f"{ROOT}/{noun}?start={start}&end={end}")
    if noun in {"trades", "candles"} and end == 10**15:
        assert answer.status in {200, 400, 410}
        return
    assert answer.refused[0] in {400, 422}


def test_a_name_in_the_address_gets_no_further_than_its_own_route(door):
    key = bearer(door.key())
    for path in (
        "/v1/markets/../keys",
        "/v1/markets/x/../../keys",
        "//v1/keys",
        "/v1/keys/",
        "/V1/keys",
        "/v1/markets/..;/keys",
        "/v1//keys",
        "/mcp/",
        "/mcp/x",
        "/v1/keys\n",
    ):
        assert door.ask(path, headers=key).refused == (404, "not_found"), path
