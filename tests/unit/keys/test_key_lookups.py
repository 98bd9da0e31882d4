"""Keys are looked up as seldom as may be, and a revocation is felt as soon as was promised."""

import asyncio

import pytest
from keyroom import HERE, NS, READER, Room, settled

from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.security.keys.form import mint
from cloud_marketdata.security.refusals import KeyInvalidError, KeyRevokedError

pytestmark = pytest.mark.anyio


async def test_a_key_is_looked_up_once_in_a_while(room):
    made = await room.desk.create(READER)
    for _ in range(50):
        await room.keyring.identify(made.key, HERE)
        room.clock.pass_by(NS // 10)

    assert room.store.finds == 3


async def test_a_revocation_is_felt_within_the_cache_time_and_not_a_moment_later(room):
    made = await room.desk.create(READER)
    await room.keyring.identify(made.key, HERE)
    room.clock.pass_by(NS)
    await room.keyring.identify(made.key, HERE)
    await room.desk.revoke(made.record.id)
    room.clock.pass_by(NS)

    with pytest.raises(KeyRevokedError):
        await room.keyring.identify(made.key, HERE)


async def test_without_a_cache_a_revocation_is_felt_at_once():
    room = Room(key_cache_s=0)
    made = await room.desk.create(READER)
    await room.keyring.identify(made.key, HERE)
    await room.desk.revoke(made.record.id)

    with pytest.raises(KeyRevokedError):
        await room.keyring.identify(made.key, HERE)


async def test_a_slow_look_up_counts_from_its_beginning(room):
    made = await room.desk.create(READER)
    await room.keyring.identify(made.key, HERE)
    room.clock.pass_by(3 * NS)
    room.store.gate = asyncio.Event()
    asked = asyncio.ensure_future(room.keyring.identify(made.key, HERE))
    await settled()
    await room.desk.revoke(made.record.id)
    room.clock.pass_by(2 * NS)
    room.store.gate.set()
    await asked

    with pytest.raises(KeyRevokedError):
        await room.keyring.identify(made.key, HERE)


async def test_what_many_ask_at_once_is_looked_up_once(room):
    made = await room.desk.create(READER)
    await room.keyring.identify(made.key, HERE)
    room.clock.pass_by(3 * NS)
    before, room.store.gate = room.store.finds, asyncio.Event()
    asked = [asyncio.ensure_future(room.keyring.identify(made.key, HERE)) for _ in range(100)]
    await settled()
    room.store.gate.set()

    assert {one.key_id for one in await asyncio.gather(*asked)} == {made.record.id}
    assert room.store.finds == before + 1


async def test_the_death_of_who_looks_up_is_not_that_of_those_who_wait(room):
    made = await room.desk.create(READER)
    room.store.gate = asyncio.Event()
    first, *others = [
        asyncio.ensure_future(room.keyring.identify(made.key, HERE)) for _ in range(5)
    ]
    await settled()
    first.cancel()
    await settled()
    room.store.gate.set()

    assert len(await asyncio.gather(*others)) == 4
    assert first.cancelled()


async def test_the_store_s_absence_is_told_to_all_who_wait_and_then_forgotten(room):
    made = await room.desk.create(READER)
    room.store.gate = asyncio.Event()
    asked = [asyncio.ensure_future(room.keyring.identify(made.key, HERE)) for _ in range(5)]
    await settled()
    room.store.away = True
    room.store.gate.set()
    told = await asyncio.gather(*asked, return_exceptions=True)

    assert [type(one) for one in told] == [StorageError] * 5
    assert room.store.finds == 1
    room.store.away = False
    assert await room.keyring.identify(made.key, HERE)


async def test_a_flood_of_invented_ids_is_answered_from_memory_and_pushes_no_key_out(room):
    made = await room.desk.create(READER)
    await room.keyring.identify(made.key, HERE)
    invented = mint(room.random).text
    before = room.store.finds
    for _ in range(20):
        with pytest.raises(KeyInvalidError):
            await room.keyring.identify(invented, HERE)
    assert room.store.finds == before + 1
    for _ in range(8000):
        with pytest.raises(KeyInvalidError):
            await room.keyring.identify(mint(room.random).text, HERE)

    before = room.store.finds
    await room.keyring.identify(made.key, HERE)
    assert room.store.finds == before
    assert len(room.keyring._lookups._unknown) < 7000


async def test_look_ups_under_way_are_bounded_and_the_rest_is_refused(room):
    room.store.gate = asyncio.Event()
    asked = [
        asyncio.ensure_future(room.keyring.identify(mint(room.random).text, HERE))
        for _ in range(300)
    ]
    await settled()
    room.store.gate.set()
    told = [type(one) for one in await asyncio.gather(*asked, return_exceptions=True)]

    assert told.count(KeyInvalidError) == 256
    assert told.count(StorageError) == 44
    assert (await room.keyring.pulse()).detail["lookups_refused"] == 44


async def test_while_the_store_is_away_only_what_was_just_looked_up_is_taken(room):
    made = await room.desk.create(READER)
    await room.keyring.identify(made.key, HERE)
    room.store.away = True
    room.clock.pass_by(2 * NS - NS // 1000)
    assert await room.keyring.identify(made.key, HERE)
    room.clock.pass_by(NS // 1000)

    with pytest.raises(StorageError):
        await room.keyring.identify(made.key, HERE)
