"""The reader of a stream's one owner: every entry once, in order, whoever read before."""

from random import Random

import pytest
from contract_samples import TRADES, batch

from cloud_marketdata.storage.ports import LogReader, Record, Stores, StreamKind

pytestmark = pytest.mark.anyio
NEVER = 1 << 62


async def appended(stores: Stores, *times: int) -> list[int]:
    """Append an entry for each time and return their positions."""
    return await stores.log.append([batch(time) for time in times])


async def rest(reader: LogReader, limit: int = 100) -> list[int]:
    """Read until there is nothing more; return the positions."""
    found: list[int] = []
    while records := await reader.read(limit):
        assert len(records) <= limit
        found += [record.position for record in records]
    return found


async def test_a_reader_brings_what_lies_behind_its_position_in_order(stores):
    positions = await appended(stores, *range(1, 8))
    reader = await stores.log.reader(TRADES, after=positions[1])

    first = await reader.read(3)

    assert [record.position for record in first] == positions[2:5]
    assert first == (await stores.log.read(TRADES))[2:5]
    assert await rest(reader) == positions[5:]


async def test_a_reader_goes_on_with_what_is_appended_later(stores):
    reader = await stores.log.reader(TRADES, after=0)
    assert await reader.read() == []
    for time in (1, 2):
        [position] = await appended(stores, time)
        [record] = await reader.read()
        assert (record.position, list(record.events)) == (position, batch(time).events)
    assert await reader.read() == []


async def test_a_reader_brings_nothing_of_other_streams(stores):
    other = TRADES._replace(symbol="ETHUSDT")
    status = TRADES._replace(kind=StreamKind.STATUS)
    reader = await stores.log.reader(TRADES, after=0)
    await stores.log.append([batch(1, stream=other), batch(2, stream=status)])

    assert await reader.read() == []


@pytest.mark.parametrize("told", [0, 1, 3, 5])
async def test_after_a_crash_everything_behind_the_saved_position_comes_again(stores, told):
    positions = await appended(stores, 1, 2, 3, 4, 5)
    crashed = await stores.log.reader(TRADES, after=0)
    await crashed.read(3)
    await crashed.read(2)
    if told:
        await crashed.acknowledge(positions[told - 1])

    again = await stores.log.reader(TRADES, after=positions[1])

    assert await rest(again, limit=2) == positions[2:]


async def test_the_saved_position_alone_decides_and_not_what_was_acknowledged(stores):
    positions = await appended(stores, 1, 2, 3)
    first = await stores.log.reader(TRADES, after=0)
    await rest(first)
    await first.acknowledge(positions[-1])

    again = await stores.log.reader(TRADES, after=0)

    assert await rest(again) == positions


async def test_acknowledging_again_or_nothing_at_all_does_no_harm(stores):
    positions = await appended(stores, 1, 2)
    reader = await stores.log.reader(TRADES, after=0)
    await reader.acknowledge(0)
    await rest(reader)
    for upto in (positions[1], positions[0], positions[1], positions[1] + 1):
        await reader.acknowledge(upto)

    later = await appended(stores, 3)
    assert await rest(reader) == later


async def test_one_that_was_relieved_takes_nothing_from_who_came_after_it(stores):
    # A paused owner that wakes up goes on reading for a moment before it learns that it lost.
    positions = await appended(stores, 1, 2, 3, 4, 5, 6)
    old = await stores.log.reader(TRADES, after=0)
    await old.read(1)
    new = await stores.log.reader(TRADES, after=0)
    found = [record.position for record in await new.read(2)]

    await _tried(old)
    later = await appended(stores, 7)
    await _tried(old)

    assert found + await rest(new, limit=1) == positions + later


async def _tried(reader: LogReader) -> list[Record]:
    """Read and acknowledge as one that does not know, which may be refused or not."""
    try:
        records = await reader.read(2)
        await reader.acknowledge(NEVER)
    except Exception:  # noqa: BLE001  whatever it is told, it is the other one that counts
        return []
    return records


async def test_what_was_trimmed_is_not_brought(stores):
    positions = await appended(stores, 1, 2, 3, 4)
    reader = await stores.log.reader(TRADES, after=0)
    await stores.log.trim(TRADES, upto=positions[1], before=NEVER)

    assert await rest(reader) == positions[2:]


@pytest.mark.parametrize("seed", range(4))
async def test_any_course_of_appends_reads_crashes_and_trims_loses_nothing(stores, seed):
    random = Random(seed)  # noqa: S311  a seed must repeat
    reader, saved, taken, told = await stores.log.reader(TRADES, after=0), 0, [], []
    everything: list[int] = []
    for time in range(1, 60):
        act = random.choice(["append", "append", "read", "save", "crash", "trim"])
        if act == "append":
            everything += await appended(stores, *range(time, time + random.randint(1, 3)))
        elif act == "read":
            taken += [record.position for record in await reader.read(random.randint(1, 4))]
        elif act == "save" and taken:
            told, taken, saved = told + taken, [], taken[-1]
            await reader.acknowledge(saved)
        elif act == "crash":
            reader, taken = await stores.log.reader(TRADES, after=saved), []
        elif act == "trim":
            await stores.log.trim(TRADES, upto=saved, before=NEVER)
    assert told + taken + await rest(reader) == everything
