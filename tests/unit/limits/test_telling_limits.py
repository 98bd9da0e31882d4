"""What the headers tell, read back by the rules of structured fields."""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_marketdata.security.limits.counted import Counted, OverQuotaError
from cloud_marketdata.security.limits.telling import limits_left, policies, retry_after
from cloud_marketdata.storage.gcra import fits, told
from cloud_marketdata.storage.security_ports import Rate, Taken

ITEM = re.compile(r'"([a-z]+)"((?:;[a-z]+=\d{1,15})+)')
FRESH = Taken(ok=True, left=1199, after_s=0.0, full_s=0.05)
ADDRESS = Counted("ip", Rate(1200, 60), FRESH)
KEY = Counted("key", Rate(600, 60), Taken(ok=True, left=540, after_s=0.0, full_s=6.0))
REFUSED = Counted("key", Rate(600, 60), Taken(ok=False, left=3, after_s=0.7, full_s=59.7))
MICRO = 10**6


def read(value: str) -> list[tuple[str, dict[str, int]]]:
    """Parse a list of strings with integer parameters, as RFC 9651 writes it."""
    found = []
    for item in value.split(", "):
        name, parameters = ITEM.fullmatch(item).groups()
        pairs = (one.split("=") for one in parameters[1:].split(";"))
        found.append((name, {key: int(number) for key, number in pairs}))
    return found


def counted(rate: Rate, parts: int, cost: int) -> Counted:
    """Return what an attempt comes to where so much is owed."""
    asked = parts + cost * rate.seconds * MICRO
    ok = fits(asked, rate, MICRO)
    return Counted("key", rate, told(asked if ok else parts, rate, cost, MICRO, ok=ok))


rates = st.builds(Rate, st.integers(1, 10**7), st.sampled_from([1, 60, 3600]))
attempts = rates.flatmap(
    lambda rate: st.builds(
        counted,
        st.just(rate),
        st.integers(0, rate.quota * rate.seconds * MICRO),
        st.integers(1, rate.quota),
    )
)


def test_policies_and_what_is_left_of_them_are_told_together():
    assert policies([ADDRESS, KEY]) == '"ip";q=1200;w=60, "key";q=600;w=60'
    assert limits_left([ADDRESS, KEY]) == '"ip";r=1199;t=60, "key";r=540;t=54'


def test_nothing_counted_is_nothing_told():
    assert policies([]) == limits_left([]) == ""


def test_a_refusal_tells_of_what_refuses_until_it_may_be_tried_again():
    assert policies([ADDRESS, REFUSED]) == '"ip";q=1200;w=60, "key";q=600;w=60'
    assert limits_left([ADDRESS, REFUSED]) == '"key";r=3;t=1'
    assert retry_after(OverQuotaError(REFUSED).retry_after_s) == "1"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.001, "1"), (1.0, "1"), (1.001, "2"), (59.2, "60"), (0, "1")]
)
def test_who_comes_back_when_told_comes_early_never(seconds, text):
    assert retry_after(seconds) == text


@given(many=st.lists(attempts, min_size=1, max_size=3))
def test_the_headers_are_structured_fields_with_what_was_counted(many):
    assert read(policies(many)) == [
        ("key", {"q": one.rate.quota, "w": one.rate.seconds}) for one in many
    ]
    said = [one for one in many if not one.taken.ok] or many
    for (name, told_of), one in zip(read(limits_left(many)), said, strict=True):
        assert (name, told_of["r"]) == ("key", one.taken.left)
        assert 1 <= told_of["t"] <= one.rate.seconds


@given(one=attempts)
def test_nobody_reads_a_higher_pace_out_of_it_than_the_limit_has(one):
    [(_, left)] = read(limits_left([one]))
    if one.taken.ok:
        assert left["r"] * one.rate.seconds <= left["t"] * one.rate.quota


@given(one=attempts)
def test_retry_after_is_never_before_the_end_of_the_window_and_then_it_passes(one):
    if one.taken.ok:
        return
    [(_, left)] = read(limits_left([one]))
    again_s = int(retry_after(one.taken.after_s))

    assert left["t"] <= again_s
    assert again_s - 1 < max(one.taken.after_s, 1)
    assert again_s >= math.ceil(one.taken.after_s)


@given(rate=rates, parts=st.integers(0, MICRO))
def test_where_nothing_is_left_the_window_ends_with_the_next_unit(rate, parts):
    whole = rate.quota * rate.seconds * MICRO
    owed = whole - min(parts, rate.seconds * MICRO - 1)
    one = Counted("key", rate, told(owed, rate, 1, MICRO, ok=True))
    next_s = (owed - whole + rate.seconds * MICRO) / rate.quota / MICRO
    [(_, left)] = read(limits_left([one]))

    assert one.taken.left == 0
    assert next_s - 1e-5 <= left["t"] < next_s + 1.00001
