"""Shares that everybody computes alike, and that move as little as can be."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from cloud_marketdata.core.rendezvous import ranked

NAMES = st.text(min_size=1, max_size=12)
MEMBERS = st.sets(NAMES, min_size=1, max_size=8)
WORK = [f"binance-spot/SYM{number}USDT" for number in range(1000)]


@given(NAMES, st.lists(NAMES, min_size=1, max_size=8))
def test_the_order_in_which_members_are_told_means_nothing(work, members):
    assert ranked(work, members) == ranked(work, reversed(members))


@given(NAMES, MEMBERS, NAMES)
def test_of_a_member_that_comes_or_goes_only_its_own_work_moves(work, members, other):
    before = ranked(work, members - {other})
    after = ranked(work, members | {other})

    assert [member for member in after if member != other] == before


def test_work_is_spread_evenly():
    shares = Counter(ranked(work, ["one", "two", "three", "four"])[0] for work in WORK)

    # 250 each; a share further off than this is one in a million.
    assert all(180 < share < 320 for share in shares.values())


def test_second_copies_are_spread_evenly_too():
    seconds = Counter(ranked(work, ["one", "two", "three"])[1] for work in WORK)

    assert all(250 < share < 420 for share in seconds.values())


def test_two_pairs_that_read_alike_are_two_pairs():
    works = [ranked("a", ["b:c", "d"]), ranked("a:b", ["c", "d"])]

    assert all(set(members) in ({"b:c", "d"}, {"c", "d"}) for members in works)
    assert ranked("1:a", ["x"]) == ["x"]
