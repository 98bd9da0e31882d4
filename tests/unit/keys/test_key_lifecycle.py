"""The life of a key, as dates."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from keyroom import BEGAN, DAY, HOUR
from msgspec.structs import replace

from cloud_marketdata.core.config import Settings
from cloud_marketdata.security.keys.lifecycle import (
    Fresh,
    Line,
    State,
    Terms,
    dated,
    is_valid,
    revoked,
    state_of,
    succession,
)
from cloud_marketdata.storage.security_ports import KeyRecord

TERMS = Terms.of(Settings())
BLANK = KeyRecord("a", "a", 0, 0, "mac", "p", "me", ("market:read",), 0, 0, 0, 0, sink="s.key")
FIRST = dated(BLANK, BEGAN, TERMS)
NEXT = Fresh("b", "mac b", "q")
times = st.integers(BEGAN, BEGAN + 400 * DAY)
spans = st.integers(0, 366)


def test_a_key_is_due_at_23_days_retires_at_30_and_ends_3_days_later():
    assert FIRST.rotate_at - BEGAN == 23 * DAY
    assert FIRST.retires_at - BEGAN == 30 * DAY
    assert FIRST.ends_at - BEGAN == 33 * DAY


@pytest.mark.parametrize(
    ("after", "state"),
    [
        (0, State.ACTIVE),
        (23 * DAY, State.ACTIVE),
        (30 * DAY - 1, State.ACTIVE),
        (30 * DAY, State.RETIRING),
        (33 * DAY - 1, State.RETIRING),
        (33 * DAY, State.EXPIRED),
        (999 * DAY, State.EXPIRED),
    ],
)
def test_a_key_is_what_its_dates_say(after, state):
    assert state_of(FIRST, BEGAN + after) is state
    assert is_valid(FIRST, BEGAN + after) == (state is not State.EXPIRED)
    gone = revoked(FIRST, BEGAN)
    assert state_of(gone, BEGAN + after) is State.REVOKED
    assert not is_valid(gone, BEGAN + after)


@given(times, st.builds(Terms, spans.map(DAY.__mul__), spans.map(DAY.__mul__), spans))
def test_after_a_rotation_the_old_key_ends_with_its_grace_and_never_later_than_before(now, terms):
    first = dated(BLANK, BEGAN, terms)
    new, old = succession(Line(first), NEXT, now, terms)

    assert old.ends_at == min(first.ends_at, now + terms.grace)
    assert old.retires_at <= now or old.retires_at == first.retires_at
    assert old.replaced_by == new.id
    assert (old.revision, new.revision) == (first.revision + 1, 1)
    assert new.ends_at == now + terms.retire + terms.grace


@given(times)
def test_a_successor_has_the_rights_of_the_old_key_and_a_life_of_its_own(now):
    used = replace(FIRST, used_at=5, networks=("10.0.0.0/8",), per_minute=9)
    new, _ = succession(Line(used), NEXT, now, TERMS)

    inherited = ("owner", "scopes", "networks", "per_minute", "sink", "lineage")
    assert all(getattr(new, name) == getattr(used, name) for name in inherited)
    assert (new.id, new.mac, new.pepper, new.generation) == ("b", "mac b", "q", 1)
    assert (new.used_at, new.replaced_by, new.revoked_at, new.created_at) == (0, "", 0, now)


def test_the_elder_ends_and_the_unseen_heir_is_revoked():
    elder = replace(FIRST, id="e", ends_at=BEGAN + 40 * DAY, replaced_by="a")
    heir = replace(FIRST, id="h")
    now = BEGAN + HOUR
    stored = {one.id: one for one in succession(Line(FIRST, elder, heir), NEXT, now, TERMS)}

    assert set(stored) == {"a", "b", "e", "h"}
    assert stored["e"].ends_at == now
    assert stored["h"].revoked_at == now
    assert all(one.revision == FIRST.revision + 1 for name, one in stored.items() if name != "b")


def test_a_second_successor_gives_the_old_key_no_longer_grace():
    _, old = succession(Line(FIRST), NEXT, BEGAN, TERMS)
    later = BEGAN + DAY
    again = succession(Line(old, None, replace(FIRST, id="b")), Fresh("c", "", ""), later, TERMS)

    assert {one.id: one.ends_at for one in again}["a"] == BEGAN + TERMS.grace


def test_an_unseen_heir_of_a_valid_elder_may_be_made_again():
    elder, seen = replace(FIRST, id="e", replaced_by="a"), replace(FIRST, used_at=1)

    assert Line(FIRST, elder).again() == Line(elder, None, FIRST)
    assert Line(FIRST).again() is None
    assert Line(seen, elder).again() is None
