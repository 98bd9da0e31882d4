"""A file with a secret is its owner's alone, and whole whatever happens."""

import stat

import pytest

from cloud_marketdata.core.secretfile import is_private, read_secret, replacing


def test_what_was_written_is_read_again_and_nobody_else_may_read_it(tmp_path):
    path = tmp_path / "key"
    path.write_text("old")
    path.chmod(0o644)
    assert not is_private(path)
    with replacing(path) as file:
        file.write("new\n")
        assert read_secret(path) == "old"
    assert read_secret(path) == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert is_private(path)
    assert [each.name for each in tmp_path.iterdir()] == ["key"]


def test_a_write_that_fails_leaves_the_old_one_and_nothing_beside_it(tmp_path):
    path = tmp_path / "key"
    path.write_text("old")
    with pytest.raises(UnicodeEncodeError), replacing(path) as file:
        file.write("half\udcff")
    assert read_secret(path) == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["key"]


def test_a_link_is_replaced_and_what_it_points_to_is_left_alone(tmp_path):
    target = tmp_path / "elsewhere"
    target.write_text("theirs")
    (tmp_path / "key").symlink_to(target)
    with replacing(tmp_path / "key") as file:
        file.write("ours")
    assert target.read_text() == "theirs"


def test_a_folder_that_takes_nothing_is_told_before_there_is_a_secret(tmp_path):
    with pytest.raises(OSError, match="No such file"), replacing(tmp_path / "no" / "key"):
        pytest.fail("the block has begun")


@pytest.mark.parametrize("text", ["", "\n", "two words", "two\nlines", "a\x00b", "x" * 5000])
def test_what_is_no_secret_in_one_line_is_refused(tmp_path, text):
    (tmp_path / "key").write_text(text)
    with pytest.raises(ValueError, match="secret"):
        read_secret(tmp_path / "key")
