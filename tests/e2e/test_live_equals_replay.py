"""A capture served by the simulator and collected over real sockets is the same as its replay."""

from decimal import Decimal
from typing import Any

import pytest
from processes import DATA, ask, eventually, listed, replayed, serving, settings, simulating

CAPTURES = {
    "binance-usdm": (["usdm_btcusdt_20240808.gz"], ["BTCUSDT"], "trade"),
    "binance-spot": (
        ["spot_btcusdt_20240808.gz", "spot_btcusdt_20240809.gz"],
        ["BTCUSDT"],
        "aggTrade",
    ),
    "bybit-linear": (
        ["bybit_linear_20260809.gz"],
        ["BTCUSDT", "ETHUSDT", "SOLUSDT", "DOGEUSDT"],
        "aggTrade",
    ),
}
HOUR_MS = 3_600_000


def numbers(rows: list[list[str]]) -> list[list[Decimal]]:
    return [[Decimal(cell) for cell in row] for row in rows]


def compare(url: str, venue: str, symbol: str, expected: dict[str, Any]) -> None:
    bars = expected["candles"]["1m"]
    span = {"start": bars[0]["open_time"], "end": bars[-1]["open_time"] + 60_000}
    market = f"/v1/markets/{venue}/{symbol}"
    candles = ask(url, f"{market}/candles", timeframe="1m", state_hash="true", **span)
    assert [{key: bar[key] for key in bars[0]} for bar in candles["data"]] == bars
    assert candles["meta"]["state_hash"] == expected["state_hash"]
    five = ask(url, f"{market}/candles", timeframe="5m", **span)["data"]
    assert [{key: bar[key] for key in bars[0]} for bar in five] == expected["candles"]["5m"]
    profile = ask(url, f"{market}/volume-profile", row_ticks=1, **span)["data"]
    rows = [[row["low"], row["buy"], row["sell"]] for row in profile["rows"]]
    assert numbers(rows) == numbers(expected["profile"]["rows"])
    assert profile["poc"]["low"] == expected["profile"]["poc"]
    assert profile["value_area"]["val"] == expected["profile"]["val"]
    assert profile["value_area"]["vah"] == expected["profile"]["vah"]


@pytest.mark.parametrize("venue", CAPTURES)
def test_a_served_capture_gives_the_bars_profile_and_state_hash_of_its_replay(venue, tmp_path):
    names, symbols, stream = CAPTURES[venue]
    files = [DATA / name for name in names]
    if not all(file.exists() for file in files):
        pytest.skip("the captures are not beside the repository")
    expected = replayed(venue, *files)["symbols"]
    captures = [part for file in files for part in ("--capture", file)]
    with simulating("--venue", venue, *captures, *listed(), "--speed", "max") as port:
        env = settings([venue], symbols, port, tmp_path, MARKETDATA_BINANCE_TRADE_STREAM=stream)
        with serving(env) as (_, url):
            for symbol in symbols:
                bars = expected[symbol]["candles"]["1m"]
                fills = sum(bar["count"] for bar in bars)
                span = {"start": bars[0]["open_time"], "end": bars[-1]["open_time"] + 60_000}
                path = f"/v1/markets/{venue}/{symbol}/candles"
                eventually(
                    lambda path=path, span=span, fills=fills: (
                        sum(bar["count"] for bar in ask(url, path, timeframe="1m", **span)["data"])
                        >= fills
                    )
                )
                compare(url, venue, symbol, expected[symbol])
            told = [c["detail"] for c in ask(url, "/health")["detail"]["components"]]
            [detail] = [one for one in told if one.get("venue") == venue]
            assert detail["counts"]["book_gaps"] == 0
            assert sum(session["reconnects"] for session in detail["sessions"].values()) == 0
