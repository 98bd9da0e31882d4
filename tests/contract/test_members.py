"""Who beats in time lives, by one list that everybody reads."""

import pytest

pytestmark = pytest.mark.anyio
GROUP = "collect"
LONG = 600.0


async def test_who_beats_is_in_the_list_that_it_gets(stores):
    assert list(await stores.members.beat(GROUP, "two", LONG)) == ["two"]
    assert list(await stores.members.beat(GROUP, "one", LONG)) == ["one", "two"]
    assert list(await stores.members.beat(GROUP, "two", LONG)) == ["one", "two"]


async def test_groups_do_not_know_each_other(stores):
    await stores.members.beat(GROUP, "one", LONG)

    assert list(await stores.members.living("process")) == []
    assert list(await stores.members.living(GROUP)) == ["one"]


async def test_who_leaves_is_gone_at_once(stores):
    await stores.members.beat(GROUP, "one", LONG)
    await stores.members.beat(GROUP, "two", LONG)
    await stores.members.leave(GROUP, "one")
    await stores.members.leave(GROUP, "nobody")

    assert list(await stores.members.living(GROUP)) == ["two"]


async def test_who_does_not_beat_in_time_is_left_out_and_in_again_with_its_next_beat(stores):
    await stores.members.beat(GROUP, "one", LONG)
    await stores.members.beat(GROUP, "two", 0)

    assert list(await stores.members.living(GROUP)) == ["one"]
    assert list(await stores.members.beat(GROUP, "one", LONG)) == ["one"]
    assert list(await stores.members.beat(GROUP, "two", LONG)) == ["one", "two"]


async def test_a_later_beat_may_be_good_for_less(stores):
    await stores.members.beat(GROUP, "one", LONG)

    assert list(await stores.members.beat(GROUP, "one", 0)) == []
