"""Files of every older version are brought to today's, whole or not at all; others are refused.

`old_schemas.json` holds the statements by which former programs made their files, taken out of the
project's history. Rows are put in as these programs did; what they packed is packed the same today.
"""

import asyncio
import json
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from contract_samples import BTC, TRADES, VENUE, aggregate, batch

from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.domain.values import Timeframe
from cloud_marketdata.storage.embedded import open_embedded
from cloud_marketdata.storage.embedded.schema import HOT, WARM, Schema, prepare, why_unreadable
from cloud_marketdata.storage.packing import pack_aggregate, pack_events

pytestmark = pytest.mark.anyio

OLD: dict[str, Any] = json.loads(Path(__file__).with_name("old_schemas.json").read_text())
CLOCK = SystemClock()
MARKET = (VENUE, "BTCUSDT")
SAVED = aggregate(0, position=7)


def made(path: Path, name: str) -> sqlite3.Connection:
    """Make a file as the program of that version did."""
    old = OLD[name]
    connection = sqlite3.connect(path, isolation_level=None)
    for statement in old["statements"]:
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {old['application_id']}")
    connection.execute(f"PRAGMA user_version = {old['version']}")
    connection.execute("PRAGMA journal_mode = WAL")
    return connection


def hot(folder: Path, name: str) -> None:
    """Make a log of two entries and a count of rejections."""
    with closing(made(folder / "hot.db", name)) as file:
        file.execute("INSERT INTO streams VALUES (1, ?, ?, ?, 2)", TRADES)
        for position, times in ((5, (1, 2, 3)), (7, (4,))):
            events = pack_events(batch(*times).events)
            row = (position, times[0], times[-1], times[-1] + 5, events)
            file.execute("INSERT INTO entries VALUES (?, 1, ?, ?, ?, ?)", row)
        file.execute("INSERT INTO rejection_counts VALUES (?, 'late', 4)", (VENUE,))


def warm(folder: Path, name: str) -> None:
    """Make a bucket and an instrument, and what that version kept of a market."""
    with closing(made(folder / "warm.db", name)) as file:
        row = (*MARKET, SAVED.timeframe, 0, SAVED.position, 0, pack_aggregate(SAVED))
        file.execute("INSERT INTO aggregates VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        scale = BTC.scale
        row = (*MARKET, BTC.scale_version, str(scale.tick), str(scale.lot))
        file.execute("INSERT INTO instruments VALUES (?, ?, ?, ?, ?)", row)
        if OLD[name]["version"] > 2:
            file.execute("INSERT INTO markets VALUES (?, ?, 7, 3)", MARKET)


@pytest.mark.parametrize("warm_of", ["warm 2", "warm 3", "warm 4"])
@pytest.mark.parametrize("hot_of", ["hot 1", "hot 2", "hot 3"])
async def test_a_folder_of_an_older_version_answers_what_was_put_in(tmp_path, hot_of, warm_of):
    hot(tmp_path, hot_of)
    warm(tmp_path, warm_of)

    for _ in range(2):
        async with open_embedded(tmp_path, CLOCK) as stores:
            read = await stores.log.read(TRADES)
            assert [record.position for record in read][:2] == [5, 7]
            assert [event.id for record in read for event in record.events][:4] == [1, 2, 3, 4]
            found = await stores.aggregates.find_by_range(*MARKET, Timeframe.S1, 0, 1)
            assert [pack_aggregate(one) for one in found] == [pack_aggregate(SAVED)]
            assert await stores.aggregates.position(*MARKET) == 7
            assert await stores.instruments.all() == [BTC]
            assert await stores.quarantine.counts() == {(VENUE, "late"): 4}
            # What came later works too.
            assert await stores.leases.acquire("worker", "me", 10)
            assert await stores.members.beat("process", "me", 10) == ["me"]
            assert len(await stores.log.epoch()) == 16
            assert await stores.keys.all() == []
            assert (await stores.coverage.find(*MARKET, 0, 9)).rows == ()
            (position,) = await stores.log.append([batch(9)])
            assert position > 7


@pytest.mark.parametrize("name", [name for name in OLD if name not in {"warm 1", "warm 2, first"}])
async def test_a_file_that_was_brought_up_is_the_same_as_a_new_one(tmp_path, name):
    schema = HOT if name.startswith("hot") else WARM
    with closing(made(tmp_path / "old.db", name)) as old, closing(_new(tmp_path, schema)) as new:
        prepare(old, schema)

        assert _shape(old) == _shape(new)


@pytest.mark.parametrize("name", ["warm 1", "warm 2, first"])
async def test_what_no_step_leads_from_is_refused_and_left_as_it_was(tmp_path, name):
    with closing(made(tmp_path / "warm.db", name)) as file:
        before = "\n".join(file.iterdump())

    with pytest.raises(StorageError, match=r"warm\.db: (the file has sch|no such col)"):
        async with open_embedded(tmp_path, CLOCK):
            pytest.fail("it was opened")

    with closing(sqlite3.connect(tmp_path / "warm.db")) as file:
        assert "\n".join(file.iterdump()) == before
        assert file.execute("PRAGMA user_version").fetchone() == (OLD[name]["version"],)


def test_a_refusal_names_both_versions_and_what_to_do():
    newer, older = why_unreadable(HOT, 99), why_unreadable(WARM, 1)

    assert newer.startswith(f"the file has schema version 99, this program reads {HOT.version};")
    assert "run the newer program" in newer
    assert older.startswith(f"the file has schema version 1, this program reads {WARM.version} and")
    assert "empty folder" in older
    assert all(why_unreadable(HOT, version) == "" for version in range(1, HOT.version + 1))


def test_a_step_that_fails_leaves_the_file_as_it_was(tmp_path):
    hot(tmp_path, "hot 1")
    steps = {**HOT.steps, 3: ("DELETE FROM entries", "CREATE TABLE entries (again)")}
    with closing(sqlite3.connect(tmp_path / "hot.db", isolation_level=None)) as file:
        before = "\n".join(file.iterdump())

        with pytest.raises(sqlite3.OperationalError, match="already exists"):
            prepare(file, HOT._replace(steps=steps))

        assert "\n".join(file.iterdump()) == before


KILLED = """
import os, sqlite3, sys
from cloud_marketdata.storage.embedded.schema import HOT, prepare
file = sqlite3.connect(sys.argv[1], isolation_level=None)
file.create_function("die", 0, lambda: os.kill(os.getpid(), 9))
steps = {**HOT.steps, 3: ("DELETE FROM entries", "SELECT die()")}
file.execute("PRAGMA cache_size = 1")
prepare(file, HOT._replace(steps=steps))
"""


async def test_a_migration_that_is_killed_leaves_the_old_file_whole(tmp_path):
    hot(tmp_path, "hot 1")
    warm(tmp_path, "warm 2")
    with closing(sqlite3.connect(tmp_path / "hot.db", isolation_level=None)) as file:
        before = "\n".join(file.iterdump())

    program = (sys.executable, "-c", KILLED, str(tmp_path / "hot.db"))
    process = await asyncio.create_subprocess_exec(*program)

    assert await process.wait() == -9
    with closing(sqlite3.connect(tmp_path / "hot.db", isolation_level=None)) as file:
        assert "\n".join(file.iterdump()) == before
        assert file.execute("PRAGMA user_version").fetchone() == (1,)
    async with open_embedded(tmp_path, CLOCK) as stores:
        assert len(await stores.log.read(TRADES)) == 2


def _new(folder: Path, schema: Schema) -> sqlite3.Connection:
    connection = sqlite3.connect(folder / "new.db", isolation_level=None)
    prepare(connection, schema)
    return connection


def _shape(connection: sqlite3.Connection) -> set[tuple[str, ...]]:
    """Return what tables and indexes there are, whatever the space between their words."""
    rows = connection.execute("SELECT type, name, coalesce(sql, '') FROM sqlite_schema").fetchall()
    version = connection.execute("PRAGMA user_version").fetchone()
    return {(kind, name, " ".join(sql.split())) for kind, name, sql in rows} | {version}
