import multiprocessing
import stat

import pytest
from audit_stage import KEY, settings_of

from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.errors import SettingsError, StorageError
from cloud_marketdata.security.audit import secret
from cloud_marketdata.security.audit.secret import audit_key, known_keys


def made(folder, results) -> None:
    """Ask for the key of a folder, in a process of its own."""
    results.put(audit_key(Settings(data_dir=folder)))


def test_a_key_is_made_once_for_its_owner_alone(tmp_path):
    settings = Settings(data_dir=tmp_path / "new")

    key = audit_key(settings)

    path = tmp_path / "new/audit.key"
    assert key == audit_key(settings) == path.read_bytes().strip()
    assert len(key) == 64
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["audit.key"]


def test_who_comes_second_leaves_the_key_as_it_is(tmp_path):
    """As where two processes have both seen that there is none."""
    key = audit_key(Settings(data_dir=tmp_path))

    secret._make(tmp_path / "audit.key")

    assert audit_key(Settings(data_dir=tmp_path)) == key
    assert [each.name for each in tmp_path.iterdir()] == ["audit.key"]


def test_processes_that_begin_at_once_have_one_key(tmp_path):
    several = multiprocessing.get_context("fork")
    results = several.Queue()
    processes = [several.Process(target=made, args=(tmp_path, results)) for _ in range(6)]
    for process in processes:
        process.start()
    keys = {results.get(timeout=20) for _ in processes}
    for process in processes:
        process.join()

    assert len(keys) == 1


def test_the_key_of_the_settings_counts_and_none_is_made(tmp_path):
    assert audit_key(settings_of(tmp_path)) == KEY
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("given", ["", "short", "fifteen letters"])
def test_a_key_that_could_be_guessed_is_refused(tmp_path, given):
    with pytest.raises(SettingsError, match="could be guessed"):
        audit_key(Settings(data_dir=tmp_path, audit_key=given))
    (tmp_path / "audit.key").write_text(given)
    with pytest.raises(SettingsError, match="could be guessed"):
        audit_key(Settings(data_dir=tmp_path))


def test_a_folder_that_takes_no_key_is_an_error_of_the_store(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(StorageError, match=r"audit key audit\.key"):
        audit_key(Settings(data_dir=tmp_path / "file"))


def test_verification_knows_the_present_key_first_and_former_ones(tmp_path):
    (tmp_path / "audit.key").write_text("b" * 32)
    (tmp_path / "old").write_text("c" * 32)

    keys = known_keys(settings_of(tmp_path), (tmp_path / "old",))

    assert keys == [KEY, b"b" * 32, b"c" * 32]


def test_verification_makes_no_key(tmp_path):
    with pytest.raises(SettingsError, match="no key to verify with"):
        known_keys(Settings(data_dir=tmp_path))
    with pytest.raises(FileNotFoundError):
        known_keys(settings_of(tmp_path), (tmp_path / "old",))
    assert list(tmp_path.iterdir()) == []
