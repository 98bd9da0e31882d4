"""LEAN's own one-minute bars come out of its one-second bars by our merge: 4,216 of 4,216."""

import csv
import io
import zipfile
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import pytest

from cloud_marketdata.domain.aggregate import Aggregate, combined
from cloud_marketdata.domain.bar import Bar
from cloud_marketdata.domain.instrument import Instrument, Scale, whole
from cloud_marketdata.domain.values import NS_PER_MS, Timeframe, Venue

# LEAN writes no quote amounts, so only its five columns can be compared.
BTCUSD = Instrument(Venue.BINANCE_SPOT, "BTCUSD", Scale(Decimal("0.01"), Decimal("0.00000001")))
# Published minutes by day: 4,216 together.
DAYS = {"20161007": 1419, "20161008": 1400, "20161009": 1397}


def read(folder: Path, kind: str, day: str) -> list[list[str]]:
    """Return lines of milliseconds of the day, open, high, low, close, volume."""
    with zipfile.ZipFile(folder / f"coinbase_btcusd_{kind}_{day}_trade.zip") as archive:
        (name,) = archive.namelist()
        with archive.open(name) as lines:
            return list(csv.reader(io.TextIOWrapper(lines, "utf-8")))


def aggregate(line: list[str], frame: Timeframe) -> Aggregate:
    start = int(line[0]) * NS_PER_MS
    first, high, low, last = (whole(Decimal(text), BTCUSD.scale.tick) for text in line[1:5])
    volume = whole(Decimal(line[5]), BTCUSD.scale.lot)
    made = Aggregate(BTCUSD, frame, start)
    made.bar = Bar(first, high, low, last, volume, 0, 1, 0, 0, (start, 0), (start, 0))
    return made


@pytest.mark.parametrize("day", DAYS)
def test_seconds_merged_are_the_published_minutes(oracles: Path, day: str):
    seconds, minutes = (read(oracles / "lean", kind, day) for kind in ("second", "minute"))
    parts: dict[int, list[Aggregate]] = defaultdict(list)
    for line in seconds:
        second = aggregate(line, Timeframe.S1)
        parts[Timeframe.M1.floor(second.start)].append(second)

    # Merging in any order is exact; backwards shows that open and close go by their keys.
    merged = {start: combined(reversed(some), Timeframe.M1, start) for start, some in parts.items()}
    wanted = {item.start: item for item in (aggregate(line, Timeframe.M1) for line in minutes)}

    assert merged.keys() == wanted.keys()
    assert len(wanted) == DAYS[day]
    fields = ("open", "high", "low", "close", "volume")
    for start, minute in wanted.items():
        ours, theirs = merged[start].bar, minute.bar
        assert [getattr(ours, name) for name in fields] == [getattr(theirs, n) for n in fields]
