"""Laws of ObjectStore."""

import asyncio

import pytest

pytestmark = pytest.mark.anyio


async def test_an_object_is_read_as_it_was_put(stores):
    assert await stores.objects.put("a/b=c/d.bin", b"\x00\xff")
    assert await stores.objects.get("a/b=c/d.bin") == b"\x00\xff"
    assert await stores.objects.get("a/b=c/e.bin") is None


async def test_an_object_is_never_changed(stores):
    assert await stores.objects.put("a/b", b"first")
    assert not await stores.objects.put("a/b", b"second")
    assert await stores.objects.get("a/b") == b"first"


async def test_of_many_who_create_one_object_one_succeeds(stores):
    bodies = [bytes([number]) for number in range(12)]
    created = await asyncio.gather(*(stores.objects.put("race/x", body) for body in bodies))

    assert created.count(True) == 1
    assert await stores.objects.get("race/x") == bodies[created.index(True)]


async def test_a_list_is_sorted_and_stays_below_its_folder(stores):
    for key in ("a/c/2", "a/c/1", "a/b", "ab/1", "b/1"):
        await stores.objects.put(key, b"x")

    assert await stores.objects.list("a/") == ["a/b", "a/c/1", "a/c/2"]
    assert await stores.objects.list("nothing/") == []


@pytest.mark.parametrize(
    "key", ["", "/a", "a/", "a//b", "../a", "a/../b", "a/.", "a\\b", "a\0b", "a b", "é", "a" * 201]
)
async def test_a_key_that_is_no_plain_path_is_refused(stores, key):
    with pytest.raises(ValueError, match="not an object key"):
        await stores.objects.put(key, b"x")
    with pytest.raises(ValueError, match="not an object key"):
        await stores.objects.get(key)


@pytest.mark.parametrize("prefix", ["a", "", "../", "/", "a//"])
async def test_a_prefix_that_is_no_folder_is_refused(stores, prefix):
    with pytest.raises(ValueError, match=r"not an object key|ends in a slash"):
        await stores.objects.list(prefix)
