"""That keys come to their end is told in time, once, and by one process."""

import asyncio

import pytest
from keyroom import DAY, HERE, HOUR, READER, Room, until
from msgspec.structs import replace

from cloud_marketdata.security.keys.watching import Watching
from cloud_marketdata.storage.memory.leases import MemoryLeases

pytestmark = pytest.mark.anyio


def watchers(room: Room, names: str) -> tuple[list[Watching], list]:
    leases, told = MemoryLeases(room.clock), []
    return [Watching(room.store, leases, room.clock, name, told.append) for name in names], told


async def test_each_stage_of_a_key_is_told_once_whoever_watches(room):
    made = await room.desk.create(READER)
    watching, told = watchers(room, "ab")
    days = []
    for hour in range(40 * 24):
        await asyncio.gather(*(one.round() for one in watching))
        days += [hour / 24] * (len(told) - len(days))
        room.clock.pass_by(HOUR)

    stages = [event.action for event in told]
    assert stages == ["key.due", "key.retiring", "key.ending", "key.expired"]
    assert days == [23, 30, 32, 33]
    assert {event.record.id for event in told} == {made.record.id}
    assert [event.detail["days_to_expiry"] for event in told] == ["10.0", "3.0", "1.0", "0.0"]


async def test_of_a_key_that_was_replaced_or_revoked_nothing_is_told(room):
    old, gone = await room.desk.create(READER), await room.desk.create(READER)
    await room.keyring.identify((await room.desk.rotate(old.record.id)).key, HERE)
    await room.desk.revoke(gone.record.id)
    (watching,), told = watchers(room, "a")
    for _ in range(22):
        await watching.round()
        room.clock.pass_by(DAY)

    assert told == []


async def test_health_counts_the_keys_and_the_days(room):
    (watching,), _ = watchers(room, "a")
    await watching.round()
    pulse = await watching.pulse()
    assert (pulse.state, pulse.detail["days_to_next_expiry"]) == ("ok", None)

    ids = [(await room.desk.create(READER)).record.id for _ in range(4)]
    await room.desk.revoke(ids[0])
    await room.desk.rotate(ids[1])
    await watching.round()
    pulse = await watching.pulse()
    assert (pulse.state, pulse.detail["days_to_next_expiry"]) == ("ok", 33.0)
    # The old key of a rotation is retiring, and nobody need care.
    counts = {name: pulse.detail[name] for name in ("active", "retiring", "expired", "revoked")}
    assert counts == {"active": 3, "retiring": 1, "expired": 0, "revoked": 1}

    room.clock.pass_by(31 * DAY + 12 * HOUR)
    await watching.round()
    pulse = await watching.pulse()
    assert (pulse.state, pulse.detail["days_to_next_expiry"], pulse.ok) == ("retiring", 1.5, True)


async def test_while_the_store_is_away_nothing_is_known_and_nothing_ends(room):
    await room.desk.create(replace(READER, owner="one"))
    (watching,), told = watchers(room, "a")
    for state in ("ok", "unknown", "ok"):
        room.store.away = state == "unknown"
        running = asyncio.ensure_future(watching.run())

        async def seen(state: str = state) -> bool:
            return (await watching.pulse()).state == state

        await until(seen)
        running.cancel()

    assert told == []
