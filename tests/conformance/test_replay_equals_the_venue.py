"""Replayed captures against what the venues themselves published of the same minutes."""

import csv
from decimal import Decimal

import pytest
from recordings import BYBIT, RECORDINGS, USDM_0404, USDM_0718, frames, player

from cloud_marketdata.replay.report import report

FIELDS = (
    "open",
    "high",
    "low",
    "close",
    "volume",
    "quote_volume",
    "count",
    "taker_buy_volume",
    "taker_buy_quote_volume",
)
# The five minutes and two times five minutes that lie wholly inside the captures.
USDM_MINUTES = (1723161300000, 1723161360000, 1723161420000, 1723161480000, 1723161540000)
SPOT_FIVES = (1723161300000, 1723161600000)
NAMES = sorted(RECORDINGS)


def _published(path) -> dict[int, list[Decimal]]:
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {int(row["open_time"]): [Decimal(row[field]) for field in FIELDS] for row in rows}


def _ours(document, symbol: str, timeframe: str) -> dict[int, list[Decimal]]:
    candles = document["symbols"][symbol]["candles"][timeframe]
    return {item["open_time"]: [Decimal(item[field]) for field in FIELDS] for item in candles}


@pytest.mark.parametrize(
    ("name", "timeframe", "file", "times"),
    [
        ("usdm-0808", "1m", "klines_usdm_BTCUSDT_1m.csv", USDM_MINUTES),
        ("spot-0808", "5m", "klines_spot_BTCUSDT_5m.csv", SPOT_FIVES),
    ],
)
def test_whole_bars_equal_the_venues_klines_in_all_nine_fields(
    played, oracles, name, timeframe, file, times
):
    published = _published(oracles / file)
    ours = _ours(report(played(name)), "BTCUSDT", timeframe)
    assert [ours[time] for time in times] == [published[time] for time in times]


def test_a_minute_the_capture_holds_in_part_differs_from_the_kline(played, oracles):
    # The comparison above could not fail if it were made of nothing.
    first = 1723161240000
    published = _published(oracles / "klines_usdm_BTCUSDT_1m.csv")
    assert _ours(report(played("usdm-0808")), "BTCUSDT", "1m")[first] != published[first]


@pytest.mark.parametrize(
    ("name", "equal"),
    [("usdm-0808", 629), ("spot-0808", 1072), ("usdm-0718", 625), ("usdm-0404", 1565)],
)
def test_the_rebuilt_book_equals_the_venues_ticker_at_every_equal_id(played, name, equal):
    book = report(played(name))["symbols"]["BTCUSDT"]["book"]
    assert (book["ticker_equal"], book["ticker_different"]) == (equal, 0)


@pytest.mark.parametrize("name", NAMES)
def test_a_gapless_capture_has_no_gap_no_crossed_book_and_no_repeat(played, name):
    for symbol in report(played(name))["symbols"].values():
        assert symbol["trade_gaps"] == []
        assert symbol["duplicates"] == 0
        assert (symbol["book"]["gaps"], symbol["book"]["crossed"]) == (0, 0)
        assert symbol["book"]["state"] == ("buffering" if name == "spot-0405" else "synced")


@pytest.mark.parametrize(
    ("name", "trades"),
    [
        ("usdm-0808", 21_313),
        ("usdm-0718", 10_701),
        ("usdm-0404", 12_934),
        ("spot-0808", 19_904),
        ("spot-0405", 3_144),
    ],
)
def test_every_trade_of_the_capture_is_counted_once(played, name, trades):
    assert report(played(name))["symbols"]["BTCUSDT"]["trades"] == trades


def test_the_insurance_fund_trade_is_counted_and_kept_out_of_bars(data, played):
    document = report(played("usdm-0404"))["symbols"]["BTCUSDT"]
    assert document["rejected"] == {"insurance_fund": 1}
    assert document["trade_gaps"] == []

    kept = [
        frame for frame in frames(data, USDM_0404) if b'"X":"INSURANCE_FUND"' not in frame.payload
    ]
    without = player(data, USDM_0404.venue)
    without.play(kept)
    bars = report(without)["symbols"]["BTCUSDT"]
    assert bars["candles"] == document["candles"]
    assert bars["profile"] == document["profile"]
    # Its id is consecutive like any other, so without it the tape has a hole of one.
    assert [gap["missing"] for gap in bars["trade_gaps"]] == [1]


@pytest.mark.parametrize("name", NAMES)
def test_the_rows_of_every_profile_sum_to_the_volume_of_its_bar(played, name):
    buckets = [item for windows in played(name).windows.values() for item in windows.held()]
    bars = [(item.bar, item.profile.rows()) for item in buckets if item.profile.cells]
    assert bars
    for bar, rows in bars:
        assert sum(row.total for row in rows) == bar.volume
        assert sum(row.buy for row in rows) == bar.taker_buy_volume
        assert sum(row.buy_quote + row.sell_quote for row in rows) == bar.quote_volume
        assert sum(row.buy_quote for row in rows) == bar.taker_buy_quote_volume
        assert sum(row.buy_count + row.sell_count for row in rows) == bar.count
        assert (rows[0].row, rows[-1].row) == (bar.low, bar.high)


@pytest.mark.parametrize("name", ["usdm-0718", "spot-0405", "bybit"])
def test_without_an_instruments_file_the_numbers_are_the_same(data, played, name):
    recording = RECORDINGS[name]
    inferred = player(data, recording.venue, listed=False)
    inferred.play(frames(data, recording))
    ours, theirs = report(inferred)["symbols"], report(played(name))["symbols"]
    assert ours.keys() == theirs.keys()
    for symbol in ours:
        for timeframe in ("1m", "5m"):
            assert _ours({"symbols": ours}, symbol, timeframe) == _ours(
                {"symbols": theirs}, symbol, timeframe
            )
        assert ours[symbol]["state_hash"] == theirs[symbol]["state_hash"]
        assert ours[symbol]["book"] == theirs[symbol]["book"]


def test_the_result_does_not_depend_on_how_frames_are_handed_in(data, played):
    single = player(data, USDM_0718.venue)
    for frame in frames(data, USDM_0718):
        single.play([frame])
    assert report(single) == report(played("usdm-0718"))


def test_two_runs_give_one_document(data, played):
    again = player(data, BYBIT.venue)
    again.play(frames(data, BYBIT))
    assert report(again) == report(played("bybit"))
