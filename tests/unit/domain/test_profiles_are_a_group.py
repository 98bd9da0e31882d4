"""Volume profiles under addition are a commutative group, byte for byte."""

from decimal import Decimal
from itertools import pairwise

import pytest
from domain_strategies import GRIDS, instrument, law, on_grid, profiles, scales
from hypothesis import given
from hypothesis import strategies as st

from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.instrument import Scale
from cloud_marketdata.domain.profile import VolumeProfile, merge
from cloud_marketdata.domain.values import Side

one_grid = profiles(st.just(GRIDS[0]))


@law
@given(data=st.data(), cuts=st.lists(st.integers(0, 25), max_size=4))
def test_any_split_and_permutation_of_a_tape_gives_identical_bytes(data, cuts):
    tape = data.draw(on_grid(GRIDS[0], 25))
    whole = VolumeProfile(GRIDS[0])
    for trade in tape:
        whole.add(trade)
    shuffled = data.draw(st.permutations(tape))
    edges = [0, *sorted(cuts), len(shuffled)]
    parts = []
    for start, end in pairwise(edges):
        part = VolumeProfile(GRIDS[0])
        for trade in shuffled[start:end]:
            part.add(trade)
        parts.append(part)
    merged = merge(data.draw(st.permutations(parts)))
    assert merged.to_bytes() == whole.to_bytes()


@law
@given(a=profiles(), b=profiles(), c=profiles())
def test_addition_is_associative_and_commutative_on_any_grids(a, b, c):
    assert a.plus(b).plus(c).to_bytes() == c.plus(b.plus(a)).to_bytes()
    assert a.plus(b) == b.plus(a)


@law
@given(a=profiles())
def test_the_empty_profile_of_the_grid_is_the_identity(a):
    empty = VolumeProfile(a.scale)
    assert a.plus(empty).to_bytes() == a.to_bytes() == empty.plus(a).to_bytes()
    assert a.minus(a).to_bytes() == empty.to_bytes()


@law
@given(a=profiles(), b=profiles())
def test_what_was_added_can_be_subtracted(a, b):
    back = a.plus(b).minus(b)
    assert back.to_bytes() == a.rescaled(back.scale).to_bytes()


@law
@given(a=one_grid, b=one_grid, width=st.integers(1, 12))
def test_coarsening_then_merging_is_merging_then_coarsening(a, b, width):
    apart = a.coarsened(width).plus(b.coarsened(width))
    assert apart.to_bytes() == a.plus(b).coarsened(width).to_bytes()


@law
@given(a=one_grid, first=st.integers(1, 6), second=st.integers(1, 6))
def test_coarsening_in_two_steps_is_coarsening_in_one(a, first, second):
    assert a.coarsened(first).coarsened(first * second) == a.coarsened(first * second)


@law
@given(a=profiles(), width=st.integers(1, 12))
def test_no_volume_is_lost_or_made_by_coarsening_or_rescaling(a, width):
    finer = Scale(a.scale.tick / 5, a.scale.lot / 2)
    assert a.coarsened(width).volume() == a.volume()
    assert a.rescaled(finer).volume() == a.volume() * 2
    assert finer.size(a.rescaled(finer).volume()) == a.scale.size(a.volume())


@law
@given(a=profiles())
def test_bytes_are_read_back(a):
    again = VolumeProfile.from_bytes(a.to_bytes())
    assert again == a
    assert again.to_bytes() == a.to_bytes()


@law
@given(data=st.data())
def test_the_way_a_grid_is_written_does_not_show_in_the_bytes(data):
    tape = data.draw(on_grid(GRIDS[0]))
    made = [VolumeProfile(Scale(Decimal(t), Decimal(lot))) for t, lot in WRITTEN]
    for profile in made:
        for trade in tape:
            profile.add(trade)
    assert len({profile.to_bytes() for profile in made}) == 1


WRITTEN = (("0.1", "10"), ("0.10", "1E+1"), ("0.100", "10.0"), ("1E-1", "1.0E+1"))


@law
@given(a=profiles(), grid=scales)
def test_merging_leaves_its_parts_as_they_were(a, grid):
    before = a.to_bytes()
    merged = merge((a, VolumeProfile(grid)))
    for cells in merged.cells.values():
        cells[0] += 1
    assert a.to_bytes() == before


def test_coarsened_rows_refuse_what_would_lose_a_tick():
    profile = VolumeProfile(GRIDS[0])
    profile.add(TradeEvent(instrument(GRIDS[0]), 1, 7, 1, Side.BUY, 0, 0, 1))
    with pytest.raises(ValueError, match="not whole rows"):
        profile.coarsened(4).coarsened(6)
    with pytest.raises(ValueError, match="not whole rows"):
        profile.coarsened(0)
    with pytest.raises(ValueError, match="one-tick rows"):
        profile.coarsened(4).rescaled(GRIDS[3])
    with pytest.raises(ValueError, match="rows of one width"):
        merge((profile, profile.coarsened(4)))
    with pytest.raises(ValueError, match="at least one"):
        merge(())


def test_numbers_beyond_64_bits_are_exact():
    scale, size = GRIDS[0], 10**30 + 1
    profile = VolumeProfile(scale)
    profile.add(TradeEvent(instrument(scale), 1, 10**12, size, Side.SELL, 0, 0, 1))
    assert profile.cells == {10**12: [0, size, 0, 10**42 + 10**12, 0, 1]}
    assert VolumeProfile.from_bytes(profile.to_bytes()) == profile
