"""Segments are named in the order of their time, and nobody else's file is taken for one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_marketdata.core.errors import BadRequestError
from cloud_marketdata.domain.values import NS_PER_S, Venue
from cloud_marketdata.record.names import next_name, plain, present, segments_of

NOW = 1_723_161_300 * NS_PER_S
SPOT, LINEAR = Venue.BINANCE_SPOT, Venue.BYBIT_LINEAR
FIRST = "binance-spot_20240808T235500Z.capture"


@given(steps=st.lists(st.integers(-100, 100), min_size=1, max_size=15))
def test_names_ascend_as_they_are_made_also_as_text_and_with_a_clock_set_back(
    tmp_path_factory, steps
):
    folder, now, made = tmp_path_factory.mktemp("segments"), NOW, []
    for step in steps:
        now += step * NS_PER_S // 10
        made.append(folder / str(next_name(folder, SPOT, now)))
        made[-1].touch(exist_ok=False)
    assert segments_of(folder, SPOT) == made
    assert sorted(path.name for path in made) == [path.name for path in made]


def test_two_in_one_second_are_told_apart_by_a_counter(tmp_path):
    assert str(next_name(tmp_path, SPOT, NOW)) == FIRST
    (tmp_path / f"{FIRST}.zst").touch()
    second = str(next_name(tmp_path, SPOT, NOW))
    assert second == "binance-spot_20240808T235500Z_0001.capture"


@pytest.mark.parametrize(
    "name",
    [
        f"{FIRST}.zst.part",
        f"copy of {FIRST}",
        "binance-spot_20240808.capture",
        "bybit-linear_20240808T235500Z.capture",
        "binance-spot_20240808T235500Z.gz",
    ],
)
def test_a_file_of_another_name_is_no_segment_of_the_venue(tmp_path, name):
    (tmp_path / name).touch()
    assert plain(tmp_path, SPOT) == []
    with pytest.raises(BadRequestError, match="holds no segments of binance-spot"):
        segments_of(tmp_path, SPOT)


def test_a_folder_of_that_name_is_no_segment(tmp_path):
    (tmp_path / FIRST).mkdir()
    assert present(tmp_path, SPOT) == {}


def test_a_segment_that_is_there_twice_counts_once_and_the_packed_one_stays(tmp_path):
    for name in (FIRST, f"{FIRST}.zst"):
        (tmp_path / name).touch()
    assert segments_of(tmp_path, SPOT) == [tmp_path / f"{FIRST}.zst"]
    assert plain(tmp_path, SPOT) == [tmp_path / FIRST]
    assert plain(tmp_path, LINEAR) == []
