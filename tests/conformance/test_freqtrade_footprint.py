"""freqtrade's own expected footprint comes out of our footprint under its named binning."""

import csv
import json
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest

from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.instrument import Instrument, Scale
from cloud_marketdata.domain.profile import Row, VolumeProfile
from cloud_marketdata.domain.values import Side, Venue
from cloud_marketdata.processing.metrics.footprint import footprint
from cloud_marketdata.processing.metrics.imbalance import Rule, imbalances

LONG, SIMPLE = "public_trades_list.csv", "public_trades_list_simple_example.csv"
LOT = Decimal("0.001")


@pytest.fixture
def folder(oracles: Path) -> Path:
    return oracles / "freqtrade_footprint"


@pytest.fixture
def expected(folder: Path):
    return json.loads((folder / "expected.json").read_text())


def tape(path: Path, tick: str) -> list[TradeEvent]:
    instrument = Instrument(Venue.BINANCE_USDM, "ETHUSDT", Scale(Decimal(tick), LOT))
    made = []
    with path.open() as lines:
        for number, line in enumerate(csv.DictReader(lines)):
            price = Decimal(line["price"].strip()) / instrument.scale.tick
            size = Decimal(line["amount"].strip()) / LOT
            assert (price, size) == (int(price), int(size))
            side, time = Side(line["side"].strip()), int(line["timestamp"])
            made.append(
                TradeEvent(instrument, number, int(price), int(size), side, time, 0, number)
            )
    return made


def rows_of(trades: list[TradeEvent], row_ticks: int, binning: str) -> list[Row]:
    profile = VolumeProfile(trades[0].instrument.scale)
    for trade in trades:
        profile.add(trade)
    return footprint(profile, row_ticks, binning)


def named(row: Row) -> dict[str, object]:
    """Write a row in freqtrade's words: bid is what takers sold, ask what they bought."""
    return {
        "bid": row.sell_count,
        "ask": row.buy_count,
        "bid_amount": str((row.sell * LOT).normalize()),
        "ask_amount": str((row.buy * LOT).normalize()),
        "delta": str(((row.buy - row.sell) * LOT).normalize()),
    }


def test_a_thousand_trades_in_narrow_rows_are_equal(folder, expected):
    wanted = expected[LONG]["0.05"]
    rows = rows_of(tape(folder / LONG, "0.01"), 5, "half_even")

    assert len(rows) == wanted["rows"] == 23
    assert named(rows[0]) == wanted["first"]
    assert named(rows[-1]) == wanted["last"]


def test_a_thousand_trades_in_wide_rows_are_equal(folder, expected):
    wanted = expected[LONG]["1"]
    rows = rows_of(tape(folder / LONG, "0.01"), 100, "half_even")

    assert len(rows) == wanted["rows"] == 2
    assert str(rows[-1].row) == wanted["last_price"]
    assert {key: named(rows[0])[key] for key in wanted["first"]} == wanted["first"]


def test_the_simple_example_is_equal(folder, expected):
    rows = rows_of(tape(folder / SIMPLE, "0.1"), 5, "half_even")

    assert named(rows[1])["delta"] == expected[SIMPLE]["0.5"]["second_row_delta"]


def test_our_floor_rows_hold_the_same_trades_at_other_edges(folder):
    """The named binning matters: the same tape, the same sums, other rows."""
    trades = tape(folder / LONG, "0.01")
    floor, even = (rows_of(trades, 100, binning) for binning in ("floor", "half_even"))

    assert [row.row for row in floor] == [row.row for row in even]
    assert floor != even
    assert sum(row.total for row in floor) == sum(row.total for row in even)


def counted(rows: list[Row], ratio: int, least: int) -> tuple[list[int], list[int]]:
    """Find imbalances by freqtrade's rule: trade counts, and neighbours among traded rows."""
    bought = [
        upper.row
        for lower, upper in pairwise(rows)
        if upper.buy_count > ratio * lower.sell_count and upper.buy + upper.sell > least
    ]
    sold = [
        lower.row
        for lower, upper in pairwise(rows)
        if lower.sell_count > ratio * upper.buy_count and lower.buy + lower.sell > least
    ]
    return bought, sold


def test_imbalances_by_counts_are_not_those_by_volume(folder):
    """By counts a peer's figure under the same name is another figure."""
    rows = rows_of(tape(folder / LONG, "0.01"), 5, "half_even")
    ours = imbalances(rows, Rule(minimum=0))
    theirs = counted(rows, 3, 0)

    assert (list(ours.buy), list(ours.sell)) != theirs
    assert theirs[0] or theirs[1]
