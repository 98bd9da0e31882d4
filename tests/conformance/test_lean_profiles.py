"""LEAN's volume profile of three closing prices is ours, under its own rows and its own method.

LEAN puts a price into the row of 0.05 above it, goes one traded row at a time, and goes on while it
has at most the wanted share. Its area column is that share of the volume, not what is inside.
"""

import csv
from collections import Counter
from decimal import ROUND_CEILING, Decimal
from itertools import islice
from pathlib import Path

import pytest

from cloud_marketdata.processing.metrics.value_area import value_area

ROW = Decimal("0.05")
PERIOD = 3


def read(folder: Path) -> list[dict[str, str]]:
    with (folder / "lean" / "vp_datatest.csv").open(newline="") as lines:
        return list(csv.DictReader(lines))


@pytest.mark.parametrize("method", ["sparse", "one_row"])
def test_every_published_profile_comes_out(oracles: Path, method: str):
    days = read(oracles)
    compared = 0
    for at, day in islice(enumerate(days), PERIOD - 1, None):
        totals: Counter[int] = Counter()
        for one in days[at - PERIOD + 1 : at + 1]:
            row = (Decimal(one["Close"]) / ROW).to_integral_value(ROUND_CEILING)
            totals[int(row)] += int(one["Volume"])
        area = value_area(totals, method=method, pct=Decimal(70))
        prices = [row * ROW for row in (area.poc, max(totals), min(totals), area.vah, area.val)]
        published = [Decimal(day[name]) for name in ("POCPrice", "PH", "PL", "VAH", "VAL")]
        assert prices == published, day["Date"]
        assert totals[area.poc] == Decimal(day["POCVolume"])
        # The published share was computed in floats, and wears their dust.
        assert Decimal(area.total) * 70 / 100 == round(Decimal(day["VA"]), 6)
        compared += 1
    assert compared == len(days) - PERIOD + 1 == 19
