"""Laws of ObjectStore."""

import asyncio

import pytest
from cold_stores import KINDS, opened

pytestmark = pytest.mark.anyio

LONG = "a" * 201


@pytest.fixture(params=KINDS)
def objects(request, tmp_path):
    return opened(request, tmp_path)


async def test_an_object_is_read_as_it_was_put(objects):
    assert await objects.put("a/b=c/d.bin", b"\x00\xff")
    assert await objects.get("a/b=c/d.bin") == b"\x00\xff"
    assert await objects.get("a/b=c/e.bin") is None


async def test_an_object_is_never_changed(objects):
    assert await objects.put("a/b", b"first")
    assert not await objects.put("a/b", b"second")
    assert await objects.get("a/b") == b"first"


@pytest.mark.parametrize("size", [1, 300_000])
async def test_of_many_who_create_one_object_one_succeeds(objects, size):
    for race in range(5):
        bodies = [bytes([number]) * size for number in range(8)]
        created = await asyncio.gather(*(objects.put(f"race/{race}", body) for body in bodies))

        assert created.count(True) == 1
        assert await objects.get(f"race/{race}") == bodies[created.index(True)]


async def test_a_list_is_sorted_and_stays_below_its_folder(objects):
    for key in ("a/c/2", "a/c/1", "a/b", "ab/1", "b/1"):
        await objects.put(key, b"x")

    assert await objects.list("a/") == ["a/b", "a/c/1", "a/c/2"]
    assert await objects.list("nothing/") == []


async def test_a_list_of_many_pages_is_whole(objects):
    keys = [f"many/{number:04d}" for number in range(1_100)]
    for at in range(0, len(keys), 100):
        await asyncio.gather(*(objects.put(key, b"") for key in keys[at : at + 100]))

    assert await objects.list("many/") == keys


async def test_a_key_that_is_no_plain_path_is_refused(objects):
    for key in ("", "/a", "a/", "a//b", "../a", "a/../b", "a/.", "a\\b", "a\0b", "a b", "é", LONG):
        with pytest.raises(ValueError, match="not an object key"):
            await objects.put(key, b"x")
        with pytest.raises(ValueError, match="not an object key"):
            await objects.get(key)


async def test_a_prefix_that_is_no_folder_is_refused(objects):
    for prefix in ("a", "", "../", "/", "a//"):
        with pytest.raises(ValueError, match=r"not an object key|ends in a slash"):
            await objects.list(prefix)


async def test_a_store_that_answers_is_probed_without_a_word(objects):
    await objects.probe()
    await objects.put("a/b", b"x")
    await objects.probe()
    assert await objects.list("a/") == ["a/b"]
