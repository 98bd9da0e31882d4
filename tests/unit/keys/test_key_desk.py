"""Keys are made, replaced and taken back on demand; of what comes at once, one thing happens."""

import asyncio
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from keyroom import BEGAN, DAY, HERE, HOUR, READER
from msgspec.structs import replace

from cloud_marketdata.core.errors import BadRequestError, StorageError
from cloud_marketdata.security.keys.desk import KeyDesk
from cloud_marketdata.security.keys.errors import (
    KeyDeliveredError,
    KeyReplacedError,
    UnknownKeyError,
)
from cloud_marketdata.security.keys.form import parse
from cloud_marketdata.security.keys.lifecycle import is_valid
from cloud_marketdata.security.keys.wishes import checked
from cloud_marketdata.security.refusals import KeyExpiredError, KeyRevokedError

pytestmark = pytest.mark.anyio


async def test_a_new_key_is_stored_without_its_secret(room):
    minted = await room.desk.create(READER)
    (stored,) = await room.desk.all()

    assert stored == minted.record
    assert parse(minted.key).id == stored.id == stored.lineage
    assert minted.key[18:50] not in repr(stored)
    assert minted.key[18:50] not in repr(minted)
    assert minted.record.id in repr(minted)
    assert (stored.created_at, stored.generation, stored.used_at) == (BEGAN, 0, 0)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"owner": ""}, "owner"),
        ({"owner": "x" * 65}, "owner"),
        ({"owner": "two\nlines"}, "owner"),
        ({"owner": "nul\0"}, "owner"),
        ({"scopes": ()}, "scope"),
        ({"scopes": ("market:write",)}, "no scope 'market:write'"),
        ({"networks": ("10.0.0.1/8",)}, "networks"),
        ({"networks": ("example.com",)}, "networks"),
        ({"networks": ("10.0.0.0/33",)}, "networks"),
        ({"networks": ("10.0.0.0/8",) * 65}, "64"),
        ({"per_minute": 0}, "per_minute"),
        ({"per_minute": 10**7 + 1}, "per_minute"),
        ({"sink": "../key"}, "sink"),
        ({"sink": "/etc/key"}, "sink"),
        ({"sink": ".key"}, "sink"),
        ({"sink": "a/b"}, "sink"),
        ({"sink": "x" * 101}, "sink"),
        ({"sink": "a\n"}, "sink"),
    ],
)
async def test_a_wish_that_cannot_be_met_is_refused_by_its_name(room, wrong, said):
    with pytest.raises(BadRequestError, match=said):
        await room.desk.create(replace(READER, **wrong))
    assert await room.desk.all() == []


@given(st.lists(st.sampled_from(["stream:read", "market:read", "audit:read"]), min_size=1))
def test_scopes_are_stored_sorted_and_once(scopes):
    assert checked(replace(READER, scopes=tuple(scopes))).scopes == tuple(sorted(set(scopes)))


def test_networks_are_stored_as_networks_and_once():
    wish = replace(READER, networks=("10.0.0.1", "2001:DB8::/32", "10.0.0.1/32"))

    assert checked(wish).networks == ("10.0.0.1/32", "2001:db8::/32")


async def test_after_a_rotation_both_keys_are_taken_until_the_grace_ends(room):
    old = await room.desk.create(READER)
    room.clock.pass_by(20 * DAY)
    new = await room.desk.rotate(old.record.id)

    room.clock.pass_by(72 * HOUR - 1)
    for key in (old, new):
        assert (await room.keyring.identify(key.key, HERE)).key_id == key.record.id
    room.clock.pass_by(1)
    with pytest.raises(KeyExpiredError):
        await room.keyring.identify(old.key, HERE)
    assert (await room.keyring.identify(new.key, HERE)).owner == "Zoë"


async def test_a_successor_that_was_used_is_the_only_one(room):
    old = await room.desk.create(READER)
    new = await room.desk.rotate(old.record.id)
    await room.keyring.identify(new.key, HERE)

    with pytest.raises(KeyReplacedError, match=new.record.id):
        await room.desk.rotate(old.record.id)


async def test_an_answer_that_was_lost_may_be_asked_for_again(room):
    old = await room.desk.create(READER)
    lost = await room.desk.rotate(old.record.id)
    new = await room.desk.rotate(old.record.id)

    with pytest.raises(KeyRevokedError):
        await room.keyring.identify(lost.key, HERE)
    assert (await room.keyring.identify(new.key, HERE)).key_id == new.record.id
    assert new.record.generation == 1


async def test_to_rotate_an_unseen_successor_leaves_its_elder_alive(room):
    old = await room.desk.create(READER)
    lost = await room.desk.rotate(old.record.id)
    new = await room.desk.rotate(lost.record.id)

    assert (await room.keyring.identify(old.key, HERE)).key_id == old.record.id
    assert (await room.record(old.record.id)).replaced_by == new.record.id
    with pytest.raises(KeyRevokedError):
        await room.keyring.identify(lost.key, HERE)


async def test_two_keys_of_a_lineage_are_valid_and_never_three(room):
    keys = [await room.desk.create(READER)]
    for _ in range(4):
        await room.keyring.identify(keys[-1].key, HERE)
        keys.append(await room.desk.rotate(keys[-1].record.id))
        room.clock.pass_by(HOUR)
        valid = {one.id for one in await room.desk.all() if is_valid(one, room.clock.now())}
        assert valid == {one.record.id for one in keys[-2:]}

    for elder, younger in pairwise(keys):
        assert (await room.record(elder.record.id)).replaced_by == younger.record.id


async def test_of_many_rotations_at_once_one_successor_is_left(room):
    old = await room.desk.create(READER)
    minted = await asyncio.gather(*(room.desk.rotate(old.record.id) for _ in range(6)))

    left = [one for one in minted if not (await room.record(one.record.id)).revoked_at]
    assert len(left) == 1
    assert (await room.record(old.record.id)).replaced_by == left[0].record.id


async def test_a_first_use_and_a_second_rotation_at_once_do_not_both_happen(room):
    """Whichever comes first, the other one sees it: no predecessor has two seen successors."""
    for _ in range(20):
        old = await room.desk.create(READER)
        first = await room.desk.rotate(old.record.id)
        used, second = await asyncio.gather(
            room.keyring.identify(first.key, HERE),
            room.desk.rotate(old.record.id),
            return_exceptions=True,
        )
        outcome = type(used), type(second)
        assert outcome.count(KeyRevokedError) + outcome.count(KeyReplacedError) == 1


async def test_a_successor_replaced_while_it_was_looked_up_is_refused(room):
    old = await room.desk.create(READER)
    first = await room.desk.rotate(old.record.id)
    room.store.gate = asyncio.Event()
    asked = asyncio.ensure_future(room.keyring.identify(first.key, HERE))
    await asyncio.sleep(0)
    # The look-up holds the record of before; what it says is no longer so.
    await room.desk.rotate(old.record.id)
    room.store.gate.set()

    with pytest.raises(KeyRevokedError):
        await asked


async def test_what_is_over_is_not_rotated(room):
    gone, ended = await room.desk.create(READER), await room.desk.create(READER)
    await room.desk.revoke(gone.record.id)
    with pytest.raises(KeyRevokedError):
        await room.desk.rotate(gone.record.id)
    room.clock.pass_by(33 * DAY)
    with pytest.raises(KeyExpiredError):
        await room.desk.rotate(ended.record.id)
    with pytest.raises(UnknownKeyError):
        await room.desk.rotate("nobody00")


async def test_a_key_may_be_rotated_in_its_last_moment(room):
    old = await room.desk.create(READER)
    room.clock.pass_by(33 * DAY - 1)

    assert (await room.desk.rotate(old.record.id)).record.generation == 1


async def test_revoking_takes_one_key_and_with_its_lineage_all(room):
    old = await room.desk.create(READER)
    new = await room.desk.rotate(old.record.id)
    other = await room.desk.create(READER)

    assert (await room.desk.revoke(old.record.id)).revoked_at == room.clock.now()
    assert (await room.keyring.identify(new.key, HERE)).key_id == new.record.id
    room.clock.pass_by(HOUR)
    again = await room.desk.revoke(old.record.id, lineage=True)
    assert again.revoked_at == BEGAN
    with pytest.raises(KeyRevokedError):
        await room.keyring.identify(new.key, HERE)
    assert (await room.keyring.identify(other.key, HERE)).key_id == other.record.id
    with pytest.raises(UnknownKeyError):
        await room.desk.revoke("nobody00")


async def test_no_rotation_slips_past_the_revocation_of_its_lineage(room):
    for _ in range(20):
        old = await room.desk.create(READER)
        await asyncio.gather(
            room.desk.rotate(old.record.id),
            room.desk.revoke(old.record.id, lineage=True),
            room.desk.rotate(old.record.id),
            return_exceptions=True,
        )
        lineage = [one for one in await room.desk.all() if one.lineage == old.record.id]
        assert all(one.revoked_at for one in lineage)


async def test_keys_that_are_delivered_are_rotated_by_nobody_else(room):
    made = await room.desk.create(replace(READER, sink="a.key"))

    with pytest.raises(KeyDeliveredError, match=r"a\.key"):
        await room.desk.rotate(made.record.id)
    with pytest.raises(BadRequestError, match="belongs"):
        await room.desk.create(replace(READER, sink="a.key"))
    await room.desk.revoke(made.record.id)
    assert (await room.desk.create(replace(READER, sink="a.key"))).record.sink == "a.key"


async def test_a_key_that_others_change_without_end_is_given_up(room):
    made = await room.desk.create(READER)

    class Hostile(type(room.store)):
        async def change(self, records) -> bool:
            self.changes += bool(records)
            return False

    room.store.__class__ = Hostile
    room.store.changes = 0
    for wish in (room.desk.rotate(made.record.id), room.desk.revoke(made.record.id)):
        with pytest.raises(StorageError):
            await wish
    assert room.store.changes == 16


async def test_where_the_store_is_away_nothing_is_made(room):
    room.store.away = True
    with pytest.raises(StorageError):
        await room.desk.create(READER)
    room.store.away = False
    assert await room.desk.all() == []


async def test_an_id_that_is_taken_is_drawn_again(room):
    class Stuck:
        """Draws the same key twice before it goes on."""

        def __init__(self, random) -> None:
            self._random, self._state, self._draws = random, random.getstate(), 0

        def choice(self, letters: str) -> str:
            if self._draws == 40:
                self._random.setstate(self._state)
            self._draws += 1
            return self._random.choice(letters)

    stuck = Stuck(room.random)
    desk = KeyDesk(room.store, room.peppers, room.clock, stuck, room.settings)
    made = [await desk.create(READER), await desk.create(READER)]

    assert made[0].record.id != made[1].record.id
    assert room.store.changes == 3
