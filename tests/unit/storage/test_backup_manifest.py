"""Laws of a backup's list: it is read as it was written, and nothing in it can be changed."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_marketdata.core.errors import BadRequestError
from cloud_marketdata.storage.backups.files import extend_lines
from cloud_marketdata.storage.backups.manifest import (
    NAME,
    File,
    Head,
    ManifestWriter,
    read_files,
    read_head,
)

HEAD = Head(1, 1795464933219580602, "0.1.0", 4, 5, 2251, "inside")
PATHS = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=20)
FILES = st.lists(
    st.builds(File, PATHS, st.integers(0, 1 << 50), st.text("0123456789abcdef", max_size=64)),
    max_size=5,
)


def written(folder: Path, files: list[File]) -> Path:
    """Write a list; return its file."""
    path = folder / NAME
    with path.open("wb") as file:
        manifest = ManifestWriter(file, HEAD)
        for one in files:
            manifest.add(one)
        manifest.seal()
    return path


@given(FILES)
def test_a_list_is_read_as_it_was_written(files):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        written(folder, files)

        assert read_head(folder) == HEAD
        assert list(read_files(folder)) == files


@given(FILES, st.data())
def test_a_byte_that_is_another_is_found(files, data):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = written(folder, files)
        whole = bytearray(path.read_bytes())
        at = data.draw(st.integers(0, len(whole) - 1))
        whole[at] ^= data.draw(st.integers(1, 255))
        path.write_bytes(whole)

        with pytest.raises(BadRequestError, match=NAME):
            read_head(folder)


@given(FILES, st.data())
def test_a_list_that_is_cut_or_goes_on_is_found(files, data):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = written(folder, files)
        whole = path.read_bytes()
        lines = whole.splitlines(keepends=True)
        cut = data.draw(st.integers(0, len(whole) - 1))
        for other in (whole[:cut], whole + lines[0], b"".join(lines[1:]), whole + lines[-1]):
            path.write_bytes(other)

            with pytest.raises(BadRequestError, match=NAME):
                read_head(folder)


def test_a_folder_without_a_list_is_no_backup(tmp_path):
    with pytest.raises(BadRequestError, match="is no backup"):
        read_head(tmp_path)


@given(st.lists(st.binary(max_size=40).map(lambda line: line.replace(b"\n", b" "))), st.data())
def test_a_file_that_grows_is_copied_to_its_newest_whole_line(lines, data):
    with tempfile.TemporaryDirectory() as name:
        source, target = Path(name) / "source", Path(name) / "target"
        whole = b"".join(line + b"\n" for line in lines)
        first = data.draw(st.integers(0, len(whole)))
        for until in (first, len(whole)):
            source.write_bytes(whole[:until])
            extend_lines(source, target)

            assert target.read_bytes() == whole[: whole.rfind(b"\n", 0, until) + 1]
