"""`marketdata verify`: 0 where all is well, 1 with each problem named, 2 where it cannot tell."""

import asyncio
import json
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from cloud_marketdata.cli import run
from cloud_marketdata.domain.aggregate import Aggregate
from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.instrument import Instrument, Scale
from cloud_marketdata.domain.values import Side, Timeframe, Venue
from cloud_marketdata.storage.objects.chain import write_manifest
from cloud_marketdata.storage.objects.days import save_bars, save_day
from cloud_marketdata.storage.objects.store import folder_objects

BTC = Instrument(Venue.BYBIT_SPOT, "BTCUSDT", Scale(Decimal("0.1"), Decimal("0.001")))
DAYS = (date(2026, 11, 4), date(2026, 11, 5))
PROFILE = "profiles/v1/venue=bybit-spot/symbol=BTCUSDT/date=2026-11-04/profile.parquet"


def _bucket(timeframe: Timeframe, day: date) -> Aggregate:
    start = (day - date(1970, 1, 1)).days * Timeframe.D1.ns
    made = Aggregate(BTC, timeframe, start)
    made.position, made.final = 1, True
    made.add(TradeEvent(BTC, 1, 600_000, 5, Side.BUY, start + 7, start + 9, 1))
    return made


async def _archive(folder: Path) -> None:
    objects = folder_objects(folder / "cold")
    for day in DAYS:
        closed, hour = _bucket(Timeframe.D1, day), _bucket(Timeframe.H1, day)
        entries = [await save_day(objects, closed), await save_bars(objects, closed, [hour])]
        await write_manifest(objects, day, entries)


@pytest.fixture
def folder(tmp_path):
    asyncio.run(_archive(tmp_path))
    return tmp_path


def verified(folder: Path, *options: str, day: date = DAYS[1]):
    return run(["verify", day.isoformat(), "--data-dir", str(folder), *options])


def test_a_day_that_is_well_is_exit_0_and_one_line(folder, capsys):
    assert verified(folder) == 0
    assert capsys.readouterr().out == "2026-11-05: all is well (manifests: 1, objects: 2)\n"


def test_all_reaches_down_to_the_first_day(folder, capsys):
    assert verified(folder, "--all", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {
        "date": "2026-11-05",
        "ok": True,
        "days": ["2026-11-04", "2026-11-05"],
        "manifests": 2,
        "objects": 4,
        "problems": [],
    }


def test_a_flipped_byte_is_exit_1_and_named_and_only_its_own_day_has_it(folder, capsys):
    path = folder / "cold" / PROFILE
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)

    assert verified(folder, "--all", "--json") == 1
    told = json.loads(capsys.readouterr().out)
    assert told["ok"] is False
    assert PROFILE in {problem["key"] for problem in told["problems"]}
    assert verified(folder, day=DAYS[0]) == 1
    *problems, last = capsys.readouterr().out.splitlines()
    assert any(line.startswith(f"{PROFILE}: its bytes are not those") for line in problems)
    assert last == f"2026-11-04: problems: {len(problems)} (manifests: 1, objects: 2)"
    assert verified(folder) == 0


def test_a_day_that_nobody_archived_is_exit_1(folder, capsys):
    assert verified(folder, day=date(2026, 11, 6)) == 1
    assert "there is no manifest of this day" in capsys.readouterr().out


@pytest.mark.parametrize("day", ["yesterday", "2026-13-01", "2026-11-05T00:00:00Z", ""])
def test_what_is_no_day_is_exit_2_and_one_line(folder, day, capsys):
    assert run(["verify", day, "--data-dir", str(folder)]) == 2
    told = capsys.readouterr()
    assert (told.out, len(told.err.splitlines())) == ("", 1)


def test_a_store_that_cannot_be_read_is_exit_2_and_one_line(tmp_path, capsys):
    (tmp_path / "file").write_text("no folder")

    assert verified(tmp_path / "file") == 2
    told = capsys.readouterr()
    assert (told.out, len(told.err.splitlines())) == ("", 1)
    assert "the cold tier cannot be read: folder" in told.err
