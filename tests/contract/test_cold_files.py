"""Laws of the files themselves: damage is refused, and what is confirmed is on the disk."""

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cold_samples import DAY, closed, spread
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.storage.objects.bars import bars_of, read_bars, write_bars
from cloud_marketdata.storage.objects.keys import Kind, Place, day_at
from cloud_marketdata.storage.objects.profiles import read_profile, write_profile
from cloud_marketdata.storage.objects.store import folder_objects
from cloud_marketdata.storage.packing import pack_aggregate

pytestmark = pytest.mark.anyio

MADE = closed(spread(120))
BARS = bars_of(MADE.day, MADE.parts)
PROFILE_FILE, BARS_FILE = write_profile(MADE.day), write_bars(BARS)


@settings(max_examples=150)
@given(st.data())
def test_any_damage_to_a_file_is_refused_or_does_no_harm(data):
    """The byte hash of the manifest finds it in any case; this is what a reader gets without it."""
    whole = data.draw(st.sampled_from([PROFILE_FILE, BARS_FILE]))
    damaged = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(whole) - 1))
        damaged[at] = data.draw(st.integers(0, 255))
    damaged = bytes(damaged[: data.draw(st.sampled_from([len(whole), len(whole) - 1, 9]))])
    try:
        if whole is PROFILE_FILE:
            assert pack_aggregate(read_profile(damaged)) == pack_aggregate(MADE.day)
        else:
            assert read_bars(damaged) == BARS
    except StorageError:
        pass


@pytest.mark.parametrize("column", ["buy", "row"])
def test_a_number_that_was_changed_in_a_file_that_is_whole_breaks_the_seal(column):
    """Some other program wrote it: the footer is ours, and every checksum is right."""
    table = pq.read_table(pa.BufferReader(PROFILE_FILE))
    values = table.column(column).to_pylist()
    values[7] += 1
    at = table.schema.get_field_index(column)
    sink = pa.BufferOutputStream()
    pq.write_table(table.set_column(at, column, pa.array(values)), sink)

    with pytest.raises(StorageError, match="its seal is broken"):
        read_profile(sink.getvalue().to_pybytes())


def test_a_file_of_one_kind_is_not_taken_for_the_other():
    with pytest.raises(StorageError, match="it is not of format"):
        read_profile(BARS_FILE)
    with pytest.raises(StorageError, match="it is not of format"):
        read_bars(PROFILE_FILE)


@given(
    kind=st.sampled_from(Kind),
    symbol=st.text(min_size=1, max_size=12),
    time=st.integers(0, 40_000 * DAY),
    position=st.integers(0, 1 << 63),
)
def test_a_key_tells_its_place_whatever_the_symbol_is(kind, symbol, time, position):
    place = Place(kind, MADE.day.instrument.venue, symbol, day_at(time))

    for key in (place.key, place.revision(position)):
        assert Place.parse(key) == place
        assert Place.parse(key + "#1") is None
        assert Place.parse(f"x/{key}") is None


async def test_an_object_has_its_name_when_its_bytes_are_on_the_disk_and_both_before_put_returns(
    tmp_path, monkeypatch
):
    synced = []
    real, place = os.fsync, tmp_path / "a/b/c"

    def seen(number: int) -> None:
        path = Path(f"/proc/self/fd/{number}").readlink()
        synced.append((path.name.partition("#")[0], place.exists()))
        real(number)

    monkeypatch.setattr(os, "fsync", seen)
    objects = folder_objects(tmp_path)

    for created in (True, False):
        synced.clear()
        assert await objects.put("a/b/c", b"x") is created
        folders = [(name, True) for name in ("b", "a", tmp_path.name)]
        assert synced == [("c", not created), *folders]
    assert await objects.list("a/") == ["a/b/c"]
    assert [path.name for path in place.parent.iterdir()] == ["c"]


async def test_a_folder_that_cannot_be_written_is_named_and_the_probe_tells_of_it(tmp_path):
    objects = folder_objects(tmp_path)
    await objects.put("a", b"a file where a folder should be")

    with pytest.raises(StorageError, match=f"^folder {tmp_path}: "):
        await objects.put("a/b", b"x")
    with pytest.raises(StorageError, match=f"^folder {tmp_path}: "):
        await objects.probe()
    await objects.put("c/b", b"x")
    await objects.probe()


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match=r"^folder .*file/cold: "):
        folder_objects(tmp_path / "file" / "cold")
