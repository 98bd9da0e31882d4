"""Flow minutes and signals on disks and servers: all or none, restarts, damage, and shards."""

import sqlite3

import pytest
from flow_samples import EVER, MARKET, PAIR, M, changes, minute, signal
from mongo_watching import watched

from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.core.errors import FencedError, StorageError
from cloud_marketdata.domain.signal import SignalKind
from cloud_marketdata.storage.embedded import open_embedded
from cloud_marketdata.storage.flow_ports import FlowRepository
from cloud_marketdata.storage.mongo.names import of_market
from servers.routing import WATCH

pytestmark = pytest.mark.anyio
MINE = of_market(*MARKET)


async def nothing_of_the_second_save(flow: FlowRepository) -> None:
    """Show that only the first save of `minute(1)` and a checkpoint is there."""
    told = changes(minute(1, 1), minute(2), signal("a", 5), checkpoint=b"second")
    with pytest.raises(StorageError):
        await flow.save(MARKET, told, fence=2)

    assert [one.revision for one in await flow.minutes(MARKET, *EVER)] == [0]
    assert await flow.signals(MARKET, *EVER) == []
    # Its fence was not seen either.
    assert await flow.claim(MARKET, fence=1) == b"first"


async def test_a_save_that_breaks_off_stores_nothing_in_the_file(tmp_path):
    async with open_embedded(tmp_path, SystemClock()) as stores:
        await stores.flow.save(MARKET, changes(minute(1), checkpoint=b"first"), fence=1)
        with sqlite3.connect(tmp_path / "warm.db") as file:
            file.execute(
                "CREATE TRIGGER broken BEFORE INSERT ON signals BEGIN SELECT RAISE(ABORT, 'x'); END"
            )
        file.close()

        await nothing_of_the_second_save(stores.flow)


async def test_a_save_that_breaks_off_stores_nothing_in_mongodb(mongodb_url, mongodb_database):
    async with watched(mongodb_url, mongodb_database) as warm:
        flow = warm.part.flow
        await flow.save(MARKET, changes(minute(1), checkpoint=b"first"), fence=1)
        refusing = {"collMod": "signals", "validator": {"kind": "none"}}
        await warm.stored.signals.database.command(refusing)

        await nothing_of_the_second_save(flow)


async def test_everything_is_there_after_closing_and_opening_the_file(tmp_path):
    told = minute(1), signal("a", 5)
    async with open_embedded(tmp_path, SystemClock()) as stores:
        await stores.flow.save(MARKET, changes(*told, checkpoint=b"state"), fence=7)

    async with open_embedded(tmp_path, SystemClock()) as stores:
        await still_there(stores.flow, *told)


async def test_everything_is_there_for_the_next_process_on_mongodb(mongodb_url, mongodb_database):
    told = minute(1), signal("a", 5)
    async with watched(mongodb_url, mongodb_database) as warm:
        await warm.part.flow.save(MARKET, changes(*told, checkpoint=b"state"), fence=7)

    async with watched(mongodb_url, mongodb_database) as warm:
        await still_there(warm.part.flow, *told)


async def still_there(flow: FlowRepository, *told: object) -> None:
    """Show that a minute, a signal, a checkpoint and the fence of 7 have been kept."""
    found = await flow.minutes(MARKET, *EVER), await flow.signals(MARKET, *EVER)
    assert found == ([told[0]], [told[1]])
    with pytest.raises(FencedError):
        await flow.claim(MARKET, fence=6)
    assert await flow.claim(MARKET, fence=7) == b"state"
    assert await flow.subjects() == [MARKET]


@pytest.mark.parametrize("body", [b"", b"\x00", b"\x02\x92", b"\x01\x92\xc4\x00\x80", b"\x01\xc1"])
async def test_a_body_that_cannot_be_read_is_told_as_such_by_the_file(tmp_path, body):
    async with open_embedded(tmp_path, SystemClock()) as stores:
        await stores.flow.save(MARKET, changes(minute(1), signal("a", 5)))
        with sqlite3.connect(tmp_path / "warm.db") as file:
            for table in ("flow_minutes", "signals"):
                file.execute(f"UPDATE {table} SET body = ?", (body,))  # noqa: S608  our own names
        file.close()

        await unreadable(stores.flow)


async def test_a_body_that_cannot_be_read_is_told_as_such_by_mongodb(mongodb_url, mongodb_database):
    async with watched(mongodb_url, mongodb_database) as warm:
        await warm.part.flow.save(MARKET, changes(minute(1), signal("a", 5)))
        for collection in (warm.stored.flow_minutes, warm.stored.signals):
            await collection.update_one(MINE, {"$set": {"body": b"\x00"}})

        await unreadable(warm.part.flow)


async def unreadable(flow: FlowRepository) -> None:
    """Show that what is read of a market is refused as a fault of the store."""
    with pytest.raises(StorageError):
        await flow.minutes(MARKET, *EVER)
    with pytest.raises(StorageError):
        await flow.signals(MARKET, *EVER)
    with pytest.raises(StorageError):
        await flow.watched(MARKET, *EVER)


async def ask_everything(flow: FlowRepository) -> None:
    """Use every method of the port, on a market and on a pair."""
    for subject in (MARKET, PAIR):
        await flow.claim(subject, fence=1)
        await flow.tell(subject, [signal("b", 4)])
        await flow.save(subject, changes(minute(1), minute(2), signal("a", 5)), fence=1)
        await flow.minutes(subject, 0, 9 * M)
        await flow.signals(subject, 0, 9)
        await flow.signals(subject, 5, 9, after="a", kinds=[SignalKind.SWEEP], limit=2)
        await flow.watched(subject, 0, 9 * M)
        await flow.forget(subject, minutes=2 * M, signals=5)
    await flow.subjects()


async def test_every_question_about_a_subject_goes_to_its_shard(mongodb_url, mongodb_database):
    async with watched(mongodb_url, mongodb_database) as warm:
        await ask_everything(warm.part.flow)

        asked = {(name, command[name]) for name, command in WATCH.asked}
        assert asked == {
            (does, name)
            for name in ("flow_minutes", "signals")
            for does in ("find", "update", "delete")
        } | {
            ("find", "flow_subjects"),
            ("update", "flow_subjects"),
            ("aggregate", "flow_minutes"),
        }
        everywhere = [(name, command[name]) for name, command in WATCH.everywhere]
        assert everywhere == [("find", "flow_subjects")]


async def test_signals_of_other_kinds_and_times_are_not_fetched(mongodb_url, mongodb_database):
    """Signals of other kinds and times, and other minutes, are not fetched."""
    async with watched(mongodb_url, mongodb_database) as warm:
        kinds = [SignalKind.SWEEP, SignalKind.ABSORPTION]
        told = [signal(f"{at:03}", at, kind=kinds[at % 2]) for at in range(200)]
        await warm.part.flow.save(MARKET, changes(*map(minute, range(200)), *told))
        WATCH.clear()
        asked = {"after": "100", "kinds": [SignalKind.SWEEP], "limit": 5}
        found = await warm.part.flow.signals(MARKET, 100, 150, **asked)
        assert [one.id for one in found] == ["102", "104", "106", "108", "110"]
        assert len(await warm.part.flow.minutes(MARKET, 10 * M, 13 * M)) == 3

        examined = []
        for _, command in WATCH.asked:
            kept = ("find", "filter", "sort", "limit", "projection")
            plain = {name: command[name] for name in kept if name in command}
            plan = {"explain": plain, "verbosity": "executionStats"}
            told_of = await warm.stored.signals.database.command(plan)
            examined.append(told_of["executionStats"]["totalDocsExamined"])
        # The sixth signal is the one that was shown before.
        assert examined == [6, 3]
