"""Whose key it is, what is said of a wrong one, and how soon a revocation is felt."""

import asyncio
import hmac

import pytest
from keyroom import BEGAN, DAY, HERE, NS, READER, Room, settled
from msgspec.structs import replace

from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.security.identity import LOCAL, Scope
from cloud_marketdata.security.keys.form import mint
from cloud_marketdata.security.keys.peppers import Peppers
from cloud_marketdata.security.refusals import (
    AddressRefusedError,
    KeyExpiredError,
    KeyInvalidError,
    KeyRevokedError,
)

pytestmark = pytest.mark.anyio
OLD, NEW = "the old pepper, long enough", "the new pepper, long enough"
MINUTE = 60 * NS


async def test_a_bearer_is_who_his_key_was_made_for(room):
    wish = replace(READER, scopes=("stream:read", "market:read"), per_minute=77)
    made = await room.desk.create(wish)

    identity = await room.keyring.identify(made.key, HERE)

    assert identity.key_id == made.record.id
    assert identity.owner == "Zoë"
    assert identity.scopes == {Scope.MARKET_READ, Scope.STREAM_READ}
    assert identity.per_minute == 77
    assert (identity.retires_at, identity.ends_at) == (BEGAN + 30 * DAY, BEGAN + 33 * DAY)


async def test_a_typing_error_is_refused_without_a_question_to_the_store(room):
    made = await room.desk.create(READER)
    for wrong in (made.key[:-1], made.key + "0", made.key[:20] + "!" + made.key[21:], "", "é" * 56):
        with pytest.raises(KeyInvalidError):
            await room.keyring.identify(wrong, HERE)

    assert room.store.finds == 0


async def test_an_unknown_id_and_a_wrong_secret_are_told_the_same(room, monkeypatch):
    """The same words after the same work, so that neither tells which ids there are."""
    made = await room.desk.create(READER)
    revoked = await room.desk.create(READER)
    await room.desk.revoke(revoked.record.id)
    work = []
    keyed, compare = hmac.HMAC.copy, hmac.compare_digest
    monkeypatch.setattr(hmac.HMAC, "copy", lambda one: work.append("hash") or keyed(one))
    monkeypatch.setattr(hmac, "compare_digest", lambda *a: work.append("compare") or compare(*a))

    said = []
    for shown in (mint(room.random).text, forged(room, made.key), forged(room, revoked.key)):
        for _ in range(2):
            work.clear()
            with pytest.raises(KeyInvalidError) as refused:
                await room.keyring.identify(shown, HERE)
            said.append((str(refused.value), refused.value.code, *work))

    assert set(said) == {(str(refused.value), "key_invalid", "hash", "compare")}
    assert room.store.changes == 3


def forged(room: Room, text: str) -> str:
    """Return a key of the same id with another secret and the right checksum."""

    class Forger:
        letters = iter(text[9:17])

        def choice(self, alphabet: str) -> str:
            return next(self.letters, None) or room.random.choice(alphabet)

    return mint(Forger()).text


async def test_the_end_of_a_key_is_told_to_its_bearer_alone(room):
    ended, gone = await room.desk.create(READER), await room.desk.create(READER)
    await room.desk.revoke(gone.record.id)
    room.clock.pass_by(33 * DAY)

    with pytest.raises(KeyExpiredError):
        await room.keyring.identify(ended.key, HERE)
    with pytest.raises(KeyRevokedError):
        await room.keyring.identify(gone.key, HERE)
    for made in (ended, gone):
        with pytest.raises(KeyInvalidError):
            await room.keyring.identify(forged(room, made.key), HERE)


async def test_a_key_ends_at_its_time_also_where_it_was_just_looked_up(room):
    made = await room.desk.create(READER)
    room.clock.pass_by(33 * DAY - 1)
    await room.keyring.identify(made.key, HERE)
    room.clock.pass_by(1)

    with pytest.raises(KeyExpiredError):
        await room.keyring.identify(made.key, HERE)


@pytest.mark.parametrize(
    ("address", "taken"),
    [
        ("10.1.2.3", True),
        ("::ffff:10.1.2.3", True),
        ("2001:db8::5", True),
        ("11.1.2.3", False),
        ("2001:db9::5", False),
        ("", False),
        ("localhost", False),
    ],
)
async def test_a_key_is_taken_from_its_networks_alone(room, address, taken):
    made = await room.desk.create(replace(READER, networks=("10.0.0.0/8", "2001:db8::/32")))

    if taken:
        assert await room.keyring.identify(made.key, address)
    else:
        with pytest.raises(AddressRefusedError):
            await room.keyring.identify(made.key, address)
        assert (await room.record(made.record.id)).used_at == 0


async def test_a_wrong_secret_does_not_learn_of_the_networks(room):
    made = await room.desk.create(replace(READER, networks=("10.0.0.0/8",)))

    with pytest.raises(KeyInvalidError):
        await room.keyring.identify(forged(room, made.key), HERE)


async def test_a_first_use_is_stored_before_it_is_answered(room):
    made = await room.desk.create(READER)
    room.clock.pass_by(5)
    await room.keyring.identify(made.key, HERE)

    stored = await room.record(made.record.id)
    assert (stored.used_at, stored.revision) == (BEGAN + 5, 2)
    changes = room.store.changes
    await room.keyring.identify(made.key, HERE)
    assert room.store.changes == changes


async def test_a_first_use_that_cannot_be_stored_is_not_answered(room):
    made = await room.desk.create(READER)
    identify = room.keyring.identify

    class Full(type(room.store)):
        async def change(self, records) -> bool:
            raise StorageError(str(records))

    kind, room.store.__class__ = type(room.store), Full
    with pytest.raises(StorageError):
        await identify(made.key, HERE)
    room.store.__class__ = kind
    assert await identify(made.key, HERE)


async def test_first_uses_at_once_in_many_processes_are_all_answered(room):
    made = await room.desk.create(READER)
    rings = [room.replica() for _ in range(6)]

    found = await asyncio.gather(*(ring.identify(made.key, HERE) for ring in rings * 5))

    assert {one.key_id for one in found} == {made.record.id}
    assert (await room.record(made.record.id)).revision == 2


async def test_later_uses_are_noted_once_a_minute_whatever_is_asked(room):
    made = await room.desk.create(READER)
    await room.keyring.identify(made.key, HERE)
    running = asyncio.ensure_future(room.keyring.run())
    for _ in range(30):
        await room.keyring.identify(made.key, HERE)
        room.clock.pass_by(10 * NS)
        await settled()
    running.cancel()

    times = [at for _, at in room.store.touches]
    assert 4 <= len(times) <= 5
    assert times == sorted(times)
    assert room.clock.now() - (await room.record(made.record.id)).used_at <= 2 * MINUTE


async def test_uses_that_the_store_does_not_take_are_lost_and_counted(room):
    made = await room.desk.create(READER)
    await room.keyring.identify(made.key, HERE)
    running = asyncio.ensure_future(room.keyring.run())
    await settled()
    room.store.away = True
    room.clock.pass_by(MINUTE)
    await settled()
    running.cancel()

    assert (await room.keyring.pulse()).detail["uses_lost"] == 1


async def test_a_key_is_hashed_anew_when_it_is_next_shown():
    room = Room(Peppers({"old": OLD}))
    made = await room.desk.create(READER)
    await room.keyring.identify(made.key, HERE)
    both = room.replica(Peppers({"old": OLD, "new": NEW}))
    await both.identify(made.key, HERE)

    stored = await room.record(made.record.id)
    assert (stored.pepper, stored.revision) == ("new", 3)
    room.clock.pass_by(3 * NS)
    assert await room.replica(Peppers({"new": NEW})).identify(made.key, HERE)
    with pytest.raises(KeyInvalidError):
        await room.keyring.identify(made.key, HERE)


async def test_a_first_use_and_a_new_pepper_are_one_change():
    room = Room(Peppers({"old": OLD}))
    made = await room.desk.create(READER)
    await room.replica(Peppers({"old": OLD, "new": NEW})).identify(made.key, HERE)

    stored = await room.record(made.record.id)
    assert (stored.pepper, stored.revision, stored.used_at) == ("new", 2, room.clock.now())


async def test_where_a_key_cannot_be_hashed_anew_it_is_taken_all_the_same_and_no_longer():
    room = Room(Peppers({"old": OLD}))
    made = await room.desk.create(READER)
    await room.keyring.identify(made.key, HERE)
    both = room.replica(Peppers({"old": OLD, "new": NEW}))

    class Full(type(room.store)):
        async def change(self, records) -> bool:
            raise StorageError(str(records))

    kind, room.store.__class__ = type(room.store), Full
    for _ in range(5):
        assert await both.identify(made.key, HERE)
        room.clock.pass_by(NS // 3)
    room.store.__class__ = kind
    await room.desk.revoke(made.record.id)
    room.clock.pass_by(NS // 3)
    # The look-up is not believed anew each time that nothing could be stored.
    with pytest.raises(KeyRevokedError):
        await both.identify(made.key, HERE)


async def test_a_stream_is_told_when_its_key_is_over(room):
    ended, gone = await room.desk.create(READER), await room.desk.create(READER)
    identities = [await room.keyring.identify(one.key, HERE) for one in (ended, gone)]
    for identity in (*identities, LOCAL):
        assert await room.keyring.recheck(identity) == identity
    await room.desk.revoke(gone.record.id)
    room.clock.pass_by(2 * NS)

    with pytest.raises(KeyRevokedError):
        await room.keyring.recheck(identities[1])
    room.clock.pass_by(33 * DAY)
    with pytest.raises(KeyExpiredError):
        await room.keyring.recheck(identities[0])
    with pytest.raises(KeyRevokedError):
        await room.keyring.recheck(identities[0]._replace(key_id="nobody00"))


async def test_a_stream_is_told_that_its_key_was_replaced(room):
    made = await room.desk.create(READER)
    before = await room.keyring.identify(made.key, HERE)
    room.clock.pass_by(5 * DAY)
    await room.desk.rotate(made.record.id)

    after = await room.keyring.recheck(before)
    assert after == before._replace(retires_at=room.clock.now(), ends_at=room.clock.now() + 3 * DAY)


async def test_every_outcome_is_counted(room):
    made = await room.desk.create(replace(READER, networks=("10.0.0.0/8",)))
    for shown, address in ((made.key, "10.0.0.1"), (made.key, HERE), ("x", HERE)):
        try:
            await room.keyring.identify(shown, address)
        except (AddressRefusedError, KeyInvalidError):
            continue

    pulse = await room.keyring.pulse()
    assert pulse.ok
    assert pulse.detail["outcomes"] == {"ok": 1, "address_refused": 1, "key_invalid": 1}


async def test_scopes_of_a_later_release_give_nothing(room):
    made = await room.desk.create(READER)
    later = replace(made.record, revision=2, scopes=("market:read", "orders:write"))
    assert await room.store.change([later])

    assert (await room.keyring.identify(made.key, HERE)).scopes == {Scope.MARKET_READ}
