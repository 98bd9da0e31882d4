"""API keys: of two changes at once one is done, whole, and a last use never goes back."""

import asyncio
from itertools import permutations
from random import Random

import pytest
from msgspec.structs import replace

from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.storage.embedded import open_embedded
from cloud_marketdata.storage.security_ports import KeyRecord

pytestmark = pytest.mark.anyio
DAY = 86_400 * 10**9
KEY = KeyRecord(
    id="ab12cd34",
    lineage="ab12cd34",
    generation=0,
    revision=1,
    mac="00" * 32,
    pepper="first",
    owner="Zoë & sons",
    scopes=("market:read", "stream:read"),
    created_at=5 * DAY,
    rotate_at=28 * DAY,
    retires_at=35 * DAY,
    ends_at=38 * DAY,
    networks=("10.0.0.0/8", "::1/128"),
    per_minute=60,
    sink="trader.key",
)


def key(name: str, **changes: object) -> KeyRecord:
    return replace(KEY, id=name, lineage=name, **changes)


def revised(record: KeyRecord, **changes: object) -> KeyRecord:
    return replace(record, revision=record.revision + 1, **changes)


async def test_what_was_stored_is_found_as_it_was(stores):
    assert await stores.keys.change([KEY])

    assert await stores.keys.find(KEY.id) == KEY
    assert await stores.keys.find("zz99zz99") is None
    assert await stores.keys.all() == [KEY]


async def test_a_repository_begins_empty_and_a_change_of_nothing_is_done(stores):
    assert await stores.keys.all() == []
    assert await stores.keys.change([])
    assert await stores.keys.all() == []


async def test_all_are_told_by_creation_and_then_by_id(stores):
    made = [key("b", created_at=2), key("a", created_at=2), key("c", created_at=1)]
    for one in made:
        assert await stores.keys.change([one])

    assert [one.id for one in await stores.keys.all()] == ["c", "a", "b"]


async def test_every_field_may_change_with_the_next_revision(stores):
    await stores.keys.change([KEY])
    later = revised(
        KEY,
        mac="11" * 32,
        pepper="second",
        networks=(),
        per_minute=None,
        sink="",
        ends_at=30 * DAY,
        revoked_at=29 * DAY,
        replaced_by="zz99zz99",
        used_at=28 * DAY,
    )
    assert await stores.keys.change([later])

    assert await stores.keys.find(KEY.id) == later


@pytest.mark.parametrize("revision", [0, 1, 3, 4])
async def test_a_change_of_another_revision_than_the_next_is_not_done(stores, revision):
    await stores.keys.change([KEY])

    assert not await stores.keys.change([replace(KEY, revision=revision, owner="thief")])
    assert await stores.keys.find(KEY.id) == KEY


@pytest.mark.parametrize("revision", [0, 2])
async def test_a_new_record_has_the_first_revision(stores, revision):
    assert not await stores.keys.change([replace(KEY, revision=revision)])
    assert await stores.keys.all() == []


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_where_one_record_has_changed_none_is_stored(stores, order):
    old, stale = key("old"), key("stale")
    await stores.keys.change([old, stale])
    await stores.keys.change([revised(stale, owner="somebody else")])
    before = await stores.keys.all()
    wish = [revised(old, owner="we"), revised(stale, owner="we"), key("new")]

    assert not await stores.keys.change([wish[at] for at in order])
    assert await stores.keys.all() == before


async def test_where_a_new_id_is_taken_none_is_stored(stores):
    old = key("old")
    await stores.keys.change([old, key("taken")])

    wish = [revised(old, replaced_by="taken"), key("taken", owner="we")]
    assert not await stores.keys.change(wish)
    assert await stores.keys.find("old") == old
    assert (await stores.keys.find("taken")).owner == KEY.owner


async def test_of_many_changes_at_once_one_alone_is_done(stores):
    await stores.keys.change([KEY])
    wishes = [
        [revised(KEY, owner=f"of {number}", replaced_by=f"s{number}"), key(f"s{number}")]
        for number in range(8)
    ]

    done = await asyncio.gather(*(stores.keys.change(wish) for wish in wishes))

    assert done.count(True) == 1
    assert await stores.keys.find(KEY.id) == wishes[done.index(True)][0]
    assert {one.id for one in await stores.keys.all()} == {KEY.id, f"s{done.index(True)}"}


async def test_of_many_new_records_of_one_id_one_alone_is_stored(stores):
    wishes = [replace(KEY, owner=f"of {number}") for number in range(8)]

    done = await asyncio.gather(*(stores.keys.change([wish]) for wish in wishes))

    assert done.count(True) == 1
    assert await stores.keys.all() == [wishes[done.index(True)]]


async def test_counting_by_changes_loses_no_count(stores):
    """The oldest law of compare-and-set: as many steps as changes that were said to be done."""
    await stores.keys.change([replace(KEY, per_minute=0)])

    async def step() -> int:
        stored = await stores.keys.find(KEY.id)
        wish = revised(stored, per_minute=stored.per_minute + 1)
        return int(await stores.keys.change([wish]))

    done = 0
    for _ in range(6):
        done += sum(await asyncio.gather(*(step() for _ in range(4))))

    assert done >= 6
    assert (await stores.keys.find(KEY.id)).per_minute == done


async def test_a_last_use_never_goes_back(stores):
    await stores.keys.change([KEY])
    times = Random(7).sample(range(1, 1000), 12)  # noqa: S311  the same ones every time

    highest = 0
    for at in times:
        await stores.keys.touch(KEY.id, at)
        highest = max(highest, at)
        assert (await stores.keys.find(KEY.id)).used_at == highest

    assert (await stores.keys.all())[0] == replace(KEY, used_at=highest)


async def test_uses_noted_at_once_leave_the_latest(stores):
    await stores.keys.change([KEY])
    await asyncio.gather(*(stores.keys.touch(KEY.id, at) for at in (5, 9, 1, 7)))

    assert (await stores.keys.find(KEY.id)).used_at == 9


async def test_a_change_that_knows_of_no_use_does_not_undo_it(stores):
    await stores.keys.change([KEY])
    await stores.keys.touch(KEY.id, 50)
    assert await stores.keys.change([revised(KEY, owner="new", used_at=20)])

    stored = await stores.keys.find(KEY.id)
    assert (stored.used_at, stored.owner, stored.revision) == (50, "new", 2)


async def test_a_use_grows_no_revision_so_it_spoils_no_change(stores):
    await stores.keys.change([KEY])
    await stores.keys.touch(KEY.id, 50)

    assert (await stores.keys.find(KEY.id)).revision == 1
    assert await stores.keys.change([revised(KEY, used_at=60)])
    assert (await stores.keys.find(KEY.id)).used_at == 60


async def test_a_record_that_was_used_and_read_back_can_be_changed(stores):
    await stores.keys.change([KEY])
    await stores.keys.touch(KEY.id, 28 * DAY)
    found = await stores.keys.find(KEY.id)

    assert type(found.used_at) is int
    assert await stores.keys.change([revised(found, revoked_at=29 * DAY)])


async def test_the_use_of_a_key_that_is_not_there_makes_none(stores):
    await stores.keys.touch("zz99zz99", 50)

    assert await stores.keys.all() == []


async def test_another_process_on_the_folder_sees_a_change_and_loses_to_it(tmp_path):
    async with (
        open_embedded(tmp_path, SystemClock()) as one,
        open_embedded(tmp_path, SystemClock()) as other,
    ):
        await one.keys.change([KEY])
        assert await other.keys.find(KEY.id) == KEY
        wishes = (revised(KEY, owner="one"), revised(KEY, owner="other"))
        done = await asyncio.gather(one.keys.change(wishes[:1]), other.keys.change(wishes[1:]))
        assert sorted(done) == [False, True]
        assert await one.keys.find(KEY.id) == await other.keys.find(KEY.id)
