"""What keys are hashed with, and where that comes from."""

import hashlib
import hmac
import stat
from concurrent.futures import ThreadPoolExecutor
from random import Random, SystemRandom

import pytest
from keyroom import READER, Room
from msgspec.structs import replace

from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.errors import SettingsError
from cloud_marketdata.security.keys.form import mint, parse
from cloud_marketdata.security.keys.pepper_file import FILED, open_peppers
from cloud_marketdata.security.keys.peppers import Peppers

pytestmark = pytest.mark.anyio
OLD, NEW = "the old pepper, long enough", "the new pepper, long enough"
MONGO = "mongodb://db.example/"
KEY = mint(Random(3))  # noqa: S311  it opens nothing


def settings(folder, **more: object) -> Settings:
    return Settings(data_dir=folder, **more)


def test_a_hash_is_the_hmac_of_rfc_2104_over_the_whole_key():
    inner = bytes(byte ^ 0x36 for byte in OLD.encode().ljust(64, b"\0"))
    outer = bytes(byte ^ 0x5C for byte in OLD.encode().ljust(64, b"\0"))
    first = hashlib.sha256(inner + KEY.text.encode()).digest()

    fresh = Peppers({"old": OLD}).hashed(KEY)

    assert fresh.mac == hashlib.sha256(outer + first).hexdigest()
    assert (fresh.id, fresh.pepper) == (KEY.id, "old")


async def test_a_key_is_believed_under_its_own_pepper_and_under_no_other():
    record = (await Room(Peppers({"old": OLD})).desk.create(READER)).record
    fresh = Peppers({"old": OLD}).hashed(KEY)
    record = replace(record, **fresh._asdict())

    assert Peppers({"old": OLD, "new": NEW}).matches(KEY, record)
    assert not Peppers({"old": NEW}).matches(KEY, record)
    assert not Peppers({"new": OLD}).matches(KEY, record)
    assert not Peppers({}).matches(KEY, record)
    assert not Peppers({"old": OLD}).matches(mint(Random(4)), record)  # noqa: S311
    assert not Peppers({"old": OLD}).matches(KEY, None)


async def test_the_last_pepper_is_for_new_keys_and_the_others_are_outdated():
    peppers = Peppers({"old": OLD, "new": NEW})
    made = (await Room(peppers).desk.create(READER)).record

    assert made.pepper == "new"
    assert not peppers.is_outdated(made)
    assert Peppers({"new": NEW, "newer": OLD}).is_outdated(made)


async def test_every_outcome_costs_one_hash_and_one_comparison(monkeypatch):
    made = (await Room(Peppers({"old": OLD})).desk.create(READER)).record
    done = []
    keyed, compare = hmac.HMAC.copy, hmac.compare_digest
    monkeypatch.setattr(hmac.HMAC, "copy", lambda one: done.append("hash") or keyed(one))
    monkeypatch.setattr(hmac, "compare_digest", lambda *a: done.append("compare") or compare(*a))

    for peppers in (Peppers({"old": OLD}), Peppers({"new": NEW}), Peppers({})):
        for record in (None, made):
            done.clear()
            peppers.matches(KEY, record)
            assert done == ["hash", "compare"]


def test_a_file_is_made_once_and_for_its_owner_alone(tmp_path):
    folder = tmp_path / "data"
    first = open_peppers(settings(folder), SystemRandom())
    path = folder / "keys.pepper"
    text = path.read_text()

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in folder.iterdir()] == ["keys.pepper"]
    again = open_peppers(settings(folder), SystemRandom())
    assert again.hashed(KEY) == first.hashed(KEY)
    assert path.read_text() == text
    assert first.current == FILED


def test_of_many_that_start_at_once_all_have_one_pepper(tmp_path):
    for number in range(10):
        folder = tmp_path / str(number)
        with ThreadPoolExecutor(8) as pool:
            opened = list(
                pool.map(lambda _, at=folder: open_peppers(settings(at), SystemRandom()), range(8))
            )
        assert len({peppers.hashed(KEY).mac for peppers in opened}) == 1
        assert [one.name for one in folder.iterdir()] == ["keys.pepper"]


def test_the_settings_come_before_the_file_and_make_none(tmp_path):
    peppers = open_peppers(settings(tmp_path, key_peppers={"a": OLD, "b": NEW}), SystemRandom())

    assert peppers.current == "b"
    assert list(tmp_path.iterdir()) == []


async def test_keys_that_were_made_under_the_file_go_on_under_the_settings(tmp_path):
    before = open_peppers(settings(tmp_path), SystemRandom())
    made = await Room(before).desk.create(READER)
    after = open_peppers(settings(tmp_path, key_peppers={"a": OLD}), SystemRandom())

    assert after.current == "a"
    assert after.matches(parse(made.key), made.record)


@pytest.mark.parametrize("content", ["", "short", "g" * 64, "a" * 63, "\0" * 64])
def test_a_damaged_file_is_refused_and_left_as_it_is(tmp_path, content):
    path = tmp_path / "keys.pepper"
    path.write_text(content)

    with pytest.raises(SettingsError, match=r"keys\.pepper is damaged"):
        open_peppers(settings(tmp_path), SystemRandom())
    assert path.read_text() == content


def test_a_folder_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(SettingsError, match="file"):
        open_peppers(settings(tmp_path / "file"), SystemRandom())


def test_a_short_pepper_and_one_without_a_name_are_refused(tmp_path):
    for wrong in ({"a": "short"}, {"": OLD}):
        with pytest.raises(SettingsError, match="key_peppers"):
            open_peppers(settings(tmp_path, key_peppers=wrong), SystemRandom())


def test_machines_that_share_a_mongodb_need_a_pepper_that_all_know(tmp_path):
    shared = settings(tmp_path, mongodb_url=MONGO, require_keys="always")
    with pytest.raises(SettingsError, match="key_peppers"):
        open_peppers(shared, SystemRandom())

    named = settings(tmp_path, mongodb_url=MONGO, require_keys="always", key_peppers={"a": OLD})
    assert open_peppers(named, SystemRandom()).current == "a"
    assert list(tmp_path.iterdir()) == []


async def test_where_no_keys_are_asked_for_the_lack_of_a_pepper_is_told_when_one_is_made(tmp_path):
    peppers = open_peppers(settings(tmp_path, mongodb_url=MONGO), SystemRandom())

    with pytest.raises(SettingsError, match="key_peppers"):
        await Room(peppers).desk.create(READER)


def test_stores_in_memory_leave_no_pepper_on_the_disk(tmp_path):
    opened = [open_peppers(settings(tmp_path, storage="memory"), SystemRandom()) for _ in "ab"]

    assert opened[0].hashed(KEY).mac != opened[1].hashed(KEY).mac
    assert list(tmp_path.iterdir()) == []


def test_printed_peppers_show_their_names_alone():
    assert repr(Peppers({"old": OLD, "new": NEW})) == "Peppers(old, new)"
