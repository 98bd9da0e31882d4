"""Successors are delivered as files: in time, once, whole, and whatever dies on the way."""

import asyncio
import stat

import pytest
from keyroom import DAY, HERE, HOUR, NS, READER, Room, until
from msgspec.structs import replace

from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.security.keys.folder import KeyFolder
from cloud_marketdata.security.keys.form import parse
from cloud_marketdata.security.keys.rotating import Rotating
from cloud_marketdata.storage.memory.leases import MemoryLeases

pytestmark = pytest.mark.anyio
SUNK = replace(READER, sink="trader.key")


class Depot:
    """A room with a folder, and as many processes that deliver as are wanted."""

    def __init__(self, path) -> None:
        self.room = Room()
        self.path = path
        self.events = []
        self.leases = MemoryLeases(self.room.clock)

    def process(self, name: str, folder: KeyFolder | None = None) -> Rotating:
        """Return the job of one process."""
        return Rotating(
            self.room.store,
            self.leases,
            self.room.lineages,
            folder or KeyFolder(self.path),
            self.room.clock,
            name,
            self.events.append,
        )

    def filed(self) -> str:
        """Return the text of the delivered key."""
        return (self.path / "trader.key").read_text().strip()


class DyingFolder(KeyFolder):
    """A folder whose process ends when it comes to publish."""

    def publish(self, name: str) -> None:
        """End."""
        raise SystemError(name)


class FullFolder(KeyFolder):
    """A folder on a disk that is full."""

    def stage(self, name: str, text: str) -> None:
        """Refuse."""
        raise OSError(28, "No space left on device", f"{name} {len(text)}")


@pytest.fixture
def depot(tmp_path) -> Depot:
    return Depot(tmp_path / "keys")


async def due(depot: Depot):
    """Make a key that is delivered, and let the day come on which it is due."""
    made = await depot.room.desk.create(SUNK)
    await depot.room.keyring.identify(made.key, HERE)
    depot.room.clock.pass_by(23 * DAY)
    return made


async def test_nothing_is_delivered_before_its_day(depot):
    await depot.room.desk.create(SUNK)
    depot.room.clock.pass_by(23 * DAY - 1)
    await depot.process("a").round()

    assert len(await depot.room.desk.all()) == 1
    assert not (depot.path / "trader.key").exists()


async def test_a_successor_lies_in_the_file_for_its_owner_alone(depot):
    made = await due(depot)
    await depot.process("a").round()

    path = depot.path / "trader.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(depot.path.stat().st_mode) == 0o700
    identity = await depot.room.keyring.identify(depot.filed(), HERE)
    assert identity.key_id == (await depot.room.record(made.record.id)).replaced_by
    assert sorted(one.name for one in depot.path.iterdir()) == [".delivery.lock", "trader.key"]
    assert await depot.room.keyring.identify(made.key, HERE)
    (told,) = depot.events
    assert (told.action, told.record.id) == ("key.delivered", identity.key_id)
    assert told.detail == {"replaces": made.record.id}
    assert depot.filed()[18:] not in repr(told)


async def test_of_three_processes_one_delivers_and_the_others_stand_by(depot):
    await due(depot)
    processes = [depot.process(name) for name in "abc"]
    for _ in range(3):
        await asyncio.gather(*(one.round() for one in processes))

    assert len(await depot.room.desk.all()) == 2
    states = sorted([(await one.pulse()).state for one in processes])
    assert states == ["ok", "standby", "standby"]
    assert sum([(await one.pulse()).detail["delivered"] for one in processes]) == 1


async def test_only_who_has_the_lease_looks_at_the_keys_at_all(depot):
    await due(depot)
    await depot.leases.acquire("key-rotation", "somebody else", 60)
    process = depot.process("a")
    await process.round()

    assert (await process.pulse()).state == "standby"
    assert len(await depot.room.desk.all()) == 1
    depot.room.clock.pass_by(61 * NS)
    await process.round()
    assert len(await depot.room.desk.all()) == 2


async def test_who_stands_still_beyond_its_lease_keeps_the_folder(depot):
    """It may wake up between its change and its rename; a newer key must not be overwritten."""
    await due(depot)
    lock = KeyFolder(depot.path).owned()
    process = depot.process("a")
    await process.round()

    assert (await process.pulse()).state == "standby"
    assert len(await depot.room.desk.all()) == 1
    lock.close()
    await process.round()
    assert len(await depot.room.desk.all()) == 2


async def test_a_successor_whose_process_died_before_the_rename_is_made_again(depot):
    made = await due(depot)
    with pytest.raises(SystemError):
        await depot.process("a", DyingFolder(depot.path)).round()
    (lost,) = [one for one in await depot.room.desk.all() if one.generation]
    assert not (depot.path / "trader.key").exists()
    depot.room.clock.pass_by(200 * NS)
    await depot.process("b").round()

    new = parse(depot.filed()).id
    assert (await depot.room.record(lost.id)).revoked_at
    assert (await depot.room.record(made.record.id)).replaced_by == new
    assert (await depot.room.keyring.identify(depot.filed(), HERE)).key_id == new
    ends_at = (await depot.room.record(made.record.id)).ends_at
    assert ends_at == made.record.created_at + 23 * DAY + 72 * HOUR


async def test_a_successor_lost_for_longer_than_the_grace_is_made_again_too(depot):
    made = await due(depot)
    with pytest.raises(SystemError):
        await depot.process("a", DyingFolder(depot.path)).round()
    depot.room.clock.pass_by(5 * DAY)
    await depot.process("b").round()

    assert (await depot.room.keyring.identify(depot.filed(), HERE)).owner == made.record.owner


async def test_a_change_that_was_lost_leaves_the_file_alone(depot):
    await due(depot)
    await depot.process("a").round()
    before = depot.filed()
    depot.room.clock.pass_by(24 * DAY)
    kind = type(depot.room.store)

    class Lost(kind):
        async def change(self, records) -> bool:
            return not records

    depot.room.store.__class__ = Lost
    process = depot.process("a")
    await process.round()
    depot.room.store.__class__ = kind

    assert depot.filed() == before
    assert (await process.pulse()).detail["lost_races"] == 1
    assert not (depot.path / ".trader.key.new").exists()


async def test_on_a_full_disk_no_key_is_made(depot):
    await due(depot)
    process = depot.process("a", FullFolder(depot.path))
    for _ in range(3):
        with pytest.raises(OSError, match="No space"):
            await process.round()

    assert len(await depot.room.desk.all()) == 1


async def test_a_delivered_key_that_nobody_used_yet_stays_as_it_is(depot):
    await due(depot)
    await depot.process("a").round()
    before = depot.filed()
    for _ in range(5):
        depot.room.clock.pass_by(DAY)
        await depot.process("a").round()

    assert depot.filed() == before
    assert len(await depot.room.desk.all()) == 2


async def test_an_elder_s_grace_is_not_cut_short_by_the_next_delivery(tmp_path):
    depot = Depot(tmp_path)
    depot.room = Room(key_rotate_days=0, key_days=1, key_grace_hours=72)
    depot.leases = MemoryLeases(depot.room.clock)
    made = await depot.room.desk.create(SUNK)
    await depot.room.keyring.identify(made.key, HERE)
    process = depot.process("a")
    for _ in range(71):
        await process.round()
        depot.room.clock.pass_by(HOUR)
        await depot.room.keyring.identify(made.key, HERE)
    assert len(await depot.room.desk.all()) == 2
    for _ in range(100):
        depot.room.clock.pass_by(HOUR)
        await process.round()
        await depot.room.keyring.identify(depot.filed(), HERE)


async def test_a_key_that_was_revoked_or_has_ended_has_no_successor(depot):
    made = await due(depot)
    await depot.room.desk.revoke(made.record.id)
    other = await depot.room.desk.create(replace(SUNK, sink="other.key"))
    depot.room.clock.pass_by(40 * DAY)
    await depot.process("a").round()

    ids = {one.id for one in await depot.room.desk.all()}
    assert ids == {made.record.id, other.record.id}


async def test_the_job_goes_on_after_the_store_was_away(depot):
    await due(depot)
    depot.room.store.away = True
    process = depot.process("a")
    running = asyncio.ensure_future(process.run())

    async def failing() -> bool:
        return (await process.pulse()).state == "failing"

    async def delivered() -> bool:
        return (await process.pulse()).detail["delivered"] == 1

    await until(failing)
    assert not (await process.pulse()).ok
    depot.room.store.away = False
    depot.room.clock.pass_by(60 * NS)
    await until(delivered)
    running.cancel()

    assert (await process.pulse()).ok
    assert (await process.pulse()).detail["failed_rounds"] == 1


async def test_a_change_with_an_unknown_end_is_made_good_by_the_next_round(depot):
    """The store has done it and could not say so: the successor's text is nowhere."""
    await due(depot)
    kind = type(depot.room.store)

    class Mute(kind):
        async def change(self, records) -> bool:
            await super().change(records)
            raise StorageError(str(records))

    depot.room.store.__class__ = Mute
    with pytest.raises(StorageError):
        await depot.process("a").round()
    depot.room.store.__class__ = kind
    await depot.process("a").round()

    assert (await depot.room.keyring.identify(depot.filed(), HERE)).owner == "Zoë"


@pytest.mark.parametrize("content", ["", "no key", "\x00\xff", "cmd_live_"])
async def test_what_is_no_key_in_a_file_is_read_as_none(tmp_path, content):
    (tmp_path / "a.key").write_bytes(content.encode("latin-1"))

    assert KeyFolder(tmp_path).held("a.key") == ""
    assert KeyFolder(tmp_path).held("b.key") == ""


async def test_a_reader_sees_an_old_key_or_a_new_one_and_never_a_half(tmp_path):
    folder = KeyFolder(tmp_path)
    for text in ("old" * 10, "new" * 10):
        folder.stage("a.key", text)
        before = (tmp_path / "a.key").read_text() if (tmp_path / "a.key").exists() else ""
        assert before in {"", "old" * 10 + "\n"}
        folder.publish("a.key")
        assert (tmp_path / "a.key").read_text() == text + "\n"
