"""Laws of the manifests: one chain, whoever writes it and in whatever order the days come."""

import asyncio
import hashlib
import json
from datetime import date, timedelta

import obstore
import pytest
from cold_stores import KINDS, opened
from hypothesis import given
from hypothesis import strategies as st
from obstore.store import MemoryStore

from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.storage.objects.chain import find_manifest, write_manifest
from cloud_marketdata.storage.objects.links import Problem
from cloud_marketdata.storage.objects.manifest import Entry, Page, Slot, read
from cloud_marketdata.storage.objects.store import ObstoreObjects
from cloud_marketdata.storage.objects.verify import verify

pytestmark = pytest.mark.anyio

FIRST = date(2026, 11, 1)


@pytest.fixture(params=KINDS)
def objects(request, tmp_path):
    return opened(request, tmp_path)


def on(number: int) -> date:
    return FIRST + timedelta(days=number)


def entry(number: int, name: str = "A") -> Entry:
    """Return what a manifest would say of some object; none is stored."""
    key = f"profiles/v1/venue=bybit-spot/symbol={name}/date={on(number)}/profile.parquet"
    digest = hashlib.sha256(key.encode()).hexdigest()
    return Entry(key, 10, digest, digest)


async def chain_problems(objects: ObstoreObjects, last: int) -> list[Problem]:
    """Return what `verify` finds in the chain alone."""
    report = await verify(objects, on(last), whole=True)
    return [problem for problem in report.problems if problem.key.startswith("manifests/")]


async def test_a_manifest_lists_objects_by_key_and_names_the_day_before(objects):
    await write_manifest(objects, on(0), [entry(0)])
    key = await write_manifest(objects, on(1), [entry(1, "B"), entry(1, "A")])

    assert key == "manifests/v1/date=2026-11-02/manifest.000001.json"
    told = json.loads(await objects.get(key))
    first = await objects.get("manifests/v1/date=2026-11-01/manifest.000001.json")
    assert told["date"] == "2026-11-02"
    assert told["previous"]["sha256"] == hashlib.sha256(first).hexdigest()
    assert [each["key"] for each in told["objects"]] == [entry(1).key, entry(1, "B").key]
    assert (await find_manifest(objects, on(1))).objects == (entry(1), entry(1, "B"))
    assert await find_manifest(objects, on(2)) is None


async def test_nothing_is_written_where_the_manifests_say_so_already(objects):
    for _ in range(2):
        for number in (0, 1):
            await write_manifest(objects, on(number), [entry(number)])
    await write_manifest(objects, on(0), [])

    assert len(await objects.list("manifests/v1/")) == 2


async def test_a_late_object_is_in_a_further_manifest_that_all_later_days_are_chained_to(objects):
    for number in (0, 1, 4):
        await write_manifest(objects, on(number), [entry(number)])

    key = await write_manifest(objects, on(0), [entry(0, "LATE")])

    assert Slot.parse(key) == Slot(on(0), 2)
    assert (await find_manifest(objects, on(0))).objects == (entry(0), entry(0, "LATE"))
    for number, before in ((1, 0), (4, 1)):
        later = await find_manifest(objects, on(number))
        assert later.previous.key == Slot(on(before), 2).key
        assert later.objects == (entry(number),)
    assert await chain_problems(objects, 4) == []


async def test_a_day_that_comes_late_is_linked_in_between(objects):
    for number in (0, 5, 2):
        await write_manifest(objects, on(number), [entry(number)])

    assert (await find_manifest(objects, on(5))).previous.key == Slot(on(2), 1).key
    assert await chain_problems(objects, 5) == []


async def test_many_writers_at_once_leave_one_chain_that_lists_everything(objects):
    work = [(number, name) for name in "ABCD" for number in (2, 0, 3, 1)]

    await asyncio.gather(
        *(write_manifest(objects, on(number), [entry(number, name)]) for number, name in work)
    )

    for number in range(4):
        listed = (await find_manifest(objects, on(number))).objects
        assert listed == tuple(entry(number, name) for name in "ABCD")
    assert await chain_problems(objects, 3) == []


@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from("ABC")), min_size=1, max_size=12))
def test_whatever_comes_in_whatever_order_is_listed_and_chained(work):
    async def law() -> None:
        objects = ObstoreObjects(MemoryStore())
        for number, name in work:
            await write_manifest(objects, on(number), [entry(number, name)])
        for number in {number for number, _ in work}:
            expected = {entry(n, name) for n, name in work if n == number}
            assert set((await find_manifest(objects, on(number))).objects) == expected
        assert await chain_problems(objects, max(work)[0]) == []

    asyncio.run(law())


async def test_an_object_of_another_day_is_refused():
    objects = ObstoreObjects(MemoryStore())
    with pytest.raises(ValueError, match="is no object of 2026-11-02"):
        await write_manifest(objects, on(1), [entry(0)])
    with pytest.raises(ValueError, match="would list nothing"):
        await write_manifest(objects, on(1), [])


async def test_an_object_that_is_not_what_a_manifest_says_of_it_is_refused():
    objects = ObstoreObjects(MemoryStore())
    await write_manifest(objects, on(0), [entry(0)])
    other = Entry(entry(0).key, 11, entry(0).sha256, entry(0).content)

    with pytest.raises(StorageError, match="is not what the manifest says of it"):
        await write_manifest(objects, on(0), [other])


async def test_writing_on_does_not_cover_up_that_a_manifest_was_exchanged():
    store, other = MemoryStore(), ObstoreObjects(MemoryStore())
    objects = ObstoreObjects(store)
    key = await write_manifest(objects, on(0), [entry(0)])
    await write_manifest(objects, on(1), [entry(1)])
    await write_manifest(other, on(0), [entry(0, "FORGED")])
    link = (await find_manifest(objects, on(1))).previous

    obstore.put(store, key, await other.get(key))
    await write_manifest(objects, on(1), [entry(1, "LATE")])
    await write_manifest(objects, on(2), [entry(2)])

    assert (await find_manifest(objects, on(1))).previous == link

    problems = await chain_problems(objects, 2)
    assert {problem.key for problem in problems} == {key}
    assert all("it is not what" in problem.what for problem in problems)


async def test_a_manifest_that_a_later_one_of_its_day_replaced_is_still_held_to_its_hash():
    store = MemoryStore()
    objects, other = ObstoreObjects(store), ObstoreObjects(MemoryStore())
    key = await write_manifest(objects, on(0), [entry(0)])
    await write_manifest(objects, on(0), [entry(0, "B")])
    await write_manifest(other, on(0), [entry(0, "B")])

    obstore.put(store, key, await other.get(key))

    assert await chain_problems(objects, 0) == [
        Problem(key, f"it is not what {Slot(on(0), 2).key} says of it")
    ]


async def test_a_manifest_that_the_next_day_does_not_name_is_found():
    store, other = MemoryStore(), ObstoreObjects(MemoryStore())
    objects = ObstoreObjects(store)
    for each in (objects, other):
        await write_manifest(each, on(0), [entry(0)])
    await write_manifest(objects, on(1), [entry(1)])
    late = await write_manifest(other, on(0), [entry(0, "LATE")])

    obstore.put(store, late, await other.get(late))

    unnamed = Problem(late, f"{Slot(on(1), 1).key} does not name it")
    assert await chain_problems(objects, 1) == [unnamed]
    alone = await verify(objects, on(0), whole=False)
    assert unnamed in alone.problems


async def test_a_manifest_in_the_place_of_another_is_found():
    objects = ObstoreObjects(MemoryStore())
    key = await write_manifest(objects, on(0), [entry(0)])
    for slot in (Slot(on(1), 1), Slot(on(0), 2)):
        await objects.put(slot.key, await objects.get(key))

    problems = await chain_problems(objects, 1)

    told = {problem.key for problem in problems if "it is another manifest" in problem.what}
    assert told == {Slot(on(1), 1).key, Slot(on(0), 2).key}


@given(st.data())
def test_any_flipped_bit_of_a_manifest_breaks_its_seal(data):
    page = _page()
    at = data.draw(st.integers(0, len(page.data) - 1))
    flipped = bytearray(page.data)
    flipped[at] ^= 1 << data.draw(st.integers(0, 7))

    with pytest.raises(StorageError, match=r"manifest\.000001\.json: it is "):
        read(Page(page.slot, bytes(flipped)))


def _page() -> Page:
    async def made() -> Page:
        objects = ObstoreObjects(MemoryStore())
        await write_manifest(objects, on(0), [entry(0)])
        key = await write_manifest(objects, on(1), [entry(1), entry(1, "B")])
        return Page(Slot(on(1), 1), await objects.get(key))

    return asyncio.run(made())
