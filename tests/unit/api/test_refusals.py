"""Whatever is refused has a stable code, a clear line and leaks nothing."""

import inspect

import pytest
from starlette.testclient import TestClient
from tape import ROOT, Market

from cloud_marketdata.api.cursors import Cursor, encode
from cloud_marketdata.api.errors import Problem
from cloud_marketdata.core import errors
from cloud_marketdata.storage.ports import Stream

OTHER = encode(Cursor("trades|binance-usdm|ETHUSDT", None, 0, 0))
CANDLES = encode(Cursor("candles|binance-usdm|BTCUSDT|1m", None, 0, 0))
FLOW = encode(Cursor("order-flow|binance-usdm|BTCUSDT|1m", None, 0, 0))
REFUSALS = [
    ("/v1/markets/kraken/BTCUSDT/trades", {}, 404, "unknown_market"),
    ("/v1/markets/binance-usdm/NOPE/candles", {}, 404, "unknown_market"),
    ("/v1/markets/bybit-spot/BTCUSDT/depth", {}, 404, "unknown_market"),
    ("/v1/markets/binance-usdm/btcusdt/volume-profile", {}, 404, "unknown_market"),
    *(
        (f"{ROOT}/{noun}", {"start": start}, 400, "bad_time")
        for noun in ("trades", "volume-profile", "candles")
        for start in (
            "2024-08-08T23:55:00",
            "NaN",
            "1e309",
            "-1",
            "0079-01-01T00:00:00Z",
            "yesterday",
            "",
            "99999999999999999999",
            "2024-08-08T23:55:00 00:00",
            "2100-01-01T00:00:00Z",
        )
    ),
    (f"{ROOT}/candles", {"start": "2000", "end": "1000"}, 400, "bad_time"),
    (f"{ROOT}/volume-profile", {"start": "1000", "end": "1000"}, 400, "bad_time"),
    (f"{ROOT}/volume-profile", {"start": "0"}, 400, "limit_exceeded"),
    (f"{ROOT}/volume-profile", {"row_ticks": "0"}, 400, "limit_exceeded"),
    (f"{ROOT}/volume-profile", {"row_ticks": "9" * 40}, 400, "limit_exceeded"),
    (f"{ROOT}/volume-profile", {"va_method": "best"}, 400, "bad_request"),
    (f"{ROOT}/volume-profile", {"va_pct": "NaN"}, 422, "invalid_request"),
    (f"{ROOT}/volume-profile", {"va_pct": "0"}, 422, "invalid_request"),
    (f"{ROOT}/volume-profile", {"va_pct": "1e-999999"}, 422, "invalid_request"),
    (f"{ROOT}/trades", {"limit": "1001"}, 400, "limit_exceeded"),
    (f"{ROOT}/trades", {"limit": "-5"}, 400, "limit_exceeded"),
    (f"{ROOT}/trades", {"limit": "1e309"}, 422, "invalid_request"),
    (f"{ROOT}/trades", {"limit": "9" * 5000}, 422, "invalid_request"),
    (f"{ROOT}/trades", {"limt": "5"}, 422, "invalid_request"),
    (f"{ROOT}/trades", {"cursor": "!!"}, 400, "bad_cursor"),
    (f"{ROOT}/trades", {"cursor": OTHER}, 400, "bad_cursor"),
    (f"{ROOT}/candles", {"cursor": OTHER}, 400, "bad_cursor"),
    (f"{ROOT}/order-flow", {"cursor": CANDLES}, 400, "bad_cursor"),
    (f"{ROOT}/candles", {"cursor": FLOW}, 400, "bad_cursor"),
    (f"{ROOT}/candles", {"limit": "1001"}, 400, "limit_exceeded"),
    (f"{ROOT}/candles", {"timeframe": "7m"}, 400, "bad_request"),
    (f"{ROOT}/candles", {"fill": "zero"}, 400, "bad_request"),
    (f"{ROOT}/candles", {"timeframe": "5m", "state_hash": "true"}, 400, "bad_request"),
    (f"{ROOT}/candles", {"limit": "2", "state_hash": "true"}, 400, "limit_exceeded"),
    (f"{ROOT}/depth", {"levels": "201"}, 400, "limit_exceeded"),
    (f"{ROOT}/depth", {"levels": "many"}, 422, "invalid_request"),
    ("/v1/nothing", {}, 404, "not_found"),
]


@pytest.mark.parametrize(("path", "params", "status", "code"), REFUSALS)
def test_refusals_have_their_code(
    reader: TestClient, path: str, params: dict[str, str], status: int, code: str
) -> None:
    answer = reader.get(path, params=params)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = Problem.model_validate_json(answer.content)
    assert problem.status == status
    assert problem.detail
    assert answer.headers["X-Request-ID"] == problem.request_id


def test_unknown_market_is_told_what_there_is(client: TestClient) -> None:
    detail = client.get("/v1/markets/kraken/XBT/trades").json()["detail"]
    assert "kraken/XBT" in detail
    assert "binance-usdm/BTCUSDT" in detail


def test_wrong_method_is_a_problem_that_names_the_right_one(client: TestClient) -> None:
    answer = client.post("/v1/markets")
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "GET"


def test_request_ids_are_never_used_twice(client: TestClient) -> None:
    ids = [client.get("/v1/nothing").json()["request_id"] for _ in range(5)]
    assert len(set(ids)) == 5


SECRET = "password=hunter2 at /srv/secret"  # noqa: S105 - a made-up one, to look for in answers


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (RuntimeError(SECRET), 500, "internal"),
        (errors.StorageError(SECRET), 503, "storage_unavailable"),
        (errors.VenueError(SECRET), 503, "venue_unavailable"),
        (errors.VenueBusyError(SECRET, 1.0), 503, "venue_busy"),
        (errors.SettingsError(SECRET), 500, "bad_settings"),
        (errors.MarketDataError(SECRET), 500, "internal"),
    ],
)
def test_faults_of_the_service_leak_nothing(
    client: TestClient,
    market: Market,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    status: int,
    code: str,
) -> None:
    async def fail(_stream: Stream) -> None:
        raise error

    monkeypatch.setattr(market.stores.log, "last", fail)
    answer = client.get("/v1/markets")
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert "hunter2" not in answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_every_error_of_the_tree_has_its_own_code() -> None:
    tree = [
        e for _, e in inspect.getmembers(errors, inspect.isclass) if e.__module__ == errors.__name__
    ]
    assert len({error.code for error in tree}) == len(tree)
