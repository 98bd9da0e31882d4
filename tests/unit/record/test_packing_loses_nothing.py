"""Packing may crash, fail or meet a stranger's file: the frames stay, and somebody is told."""

import pytest
import zstandard
from kept_frames import FRAMES, VENUE, disk_full_at, kept, leftover, recording

from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.record.names import plain
from cloud_marketdata.record.packing import Packer, pack
from cloud_marketdata.simulator.capture import read_capture

pytestmark = pytest.mark.anyio
PLACES = {
    "write": "cloud_marketdata.record.packing._compress",
    "flush": "cloud_marketdata.record.packing.os.fsync",
    "rename": "pathlib.Path.rename",
    "flush names": "cloud_marketdata.record.packing._flush_names",
    "compare": "cloud_marketdata.record.packing._same",
    "remove": "pathlib.Path.unlink",
}


class Crash(BaseException):
    """The process ends here."""


def crash(*_: object, **__: object) -> None:
    raise Crash


async def next_start(folder) -> Packer:
    """Do what the next recorder does first."""
    async with recording(folder, leftovers=tuple(plain(folder, VENUE))) as desk:
        pass
    return desk.packer


@pytest.mark.parametrize("step", PLACES)
async def test_a_crash_at_any_step_loses_nothing_and_the_next_start_finishes(
    tmp_path, monkeypatch, step
):
    path = leftover(tmp_path)
    with monkeypatch.context() as planted:
        planted.setattr(PLACES[step], crash)
        with pytest.raises(Crash):
            pack(path)
    assert path.exists()
    assert kept(tmp_path) == FRAMES
    packer = await next_start(tmp_path)
    assert packer.left_plain == 0
    assert kept(tmp_path) == FRAMES
    assert {found.suffix for found in tmp_path.iterdir()} == {".zst"}


async def test_a_packed_file_that_says_something_else_is_told_and_both_stay(tmp_path):
    path = leftover(tmp_path)
    stranger = path.with_name(path.name + ".zst")
    stranger.write_bytes(zstandard.ZstdCompressor().compress(b"something else"))
    before = stranger.read_bytes()
    with pytest.raises(StorageError, match="so both stay"):
        pack(path)
    assert (await next_start(tmp_path)).left_plain == 1
    assert stranger.read_bytes() == before
    assert list(read_capture([path])) == FRAMES


def test_a_packed_file_that_is_cut_short_never_replaces_the_plain_one(tmp_path):
    path = leftover(tmp_path)
    text = path.read_bytes()
    packed = path.with_name(path.name + ".zst")
    packed.write_bytes(zstandard.ZstdCompressor().compress(text)[:-20])
    with pytest.raises(StorageError):
        pack(path)
    assert path.read_bytes() == text


async def test_a_start_leaves_files_alone_that_are_not_its_own(tmp_path):
    others = ["notes.txt", "bybit-linear_20240808T235500Z.capture", "spot.capture.zst.part"]
    for name in others:
        (tmp_path / name).write_text(name)
    await next_start(tmp_path)
    assert [(tmp_path / name).read_text() for name in others] == others


async def test_a_segment_that_cannot_be_packed_stays_plain_and_is_counted(tmp_path):
    path = leftover(tmp_path)
    with disk_full_at(100):
        packer = await next_start(tmp_path)
    assert packer.left_plain == 1
    assert path.exists()
    assert kept(tmp_path) == FRAMES
    assert list(tmp_path.glob("*.part")) == []


async def test_segments_that_nobody_packs_in_time_stay_plain_and_are_counted(tmp_path):
    async with recording(tmp_path, size=1) as desk:
        desk.write(*FRAMES[:70])
    assert (desk.packer.packed, desk.packer.left_plain) == (64, 6)
    assert kept(tmp_path) == FRAMES[:70]
