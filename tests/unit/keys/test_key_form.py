"""How keys are written: what is mistyped is refused at once, and what is minted is always read."""

import re
from collections import Counter
from random import Random
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_marketdata.core.masking import KEY_PREFIX, masked
from cloud_marketdata.security.keys.form import SCANNED, is_key, mint, parse
from cloud_marketdata.security.refusals import KeyInvalidError

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
ALPHABET = DIGITS + "_- .é\n"
seeds = st.integers(0, 2**64).map(Random)


def as_number(digits: str) -> int:
    value = 0
    for digit in digits:
        value = value * 62 + DIGITS.index(digit)
    return value


@given(seeds)
def test_what_is_minted_is_read_back(random):
    key = mint(random)

    assert parse(key.text) == key
    assert len(key.text) == 56
    assert key.text.startswith(f"{KEY_PREFIX}{key.id}_")


@given(seeds)
def test_the_end_is_the_crc_of_the_rest_in_base_62(random):
    text = mint(random).text

    assert as_number(text[-6:]) == crc32(text[:-6].encode())


@given(seeds, st.integers(0, 55), st.sampled_from(ALPHABET))
def test_one_wrong_character_is_refused(random, at, other):
    text = mint(random).text
    wrong = text[:at] + other + text[at + 1 :]

    if wrong != text:
        with pytest.raises(KeyInvalidError):
            parse(wrong)


@given(seeds, st.integers(0, 54))
def test_two_neighbours_that_changed_places_are_refused(random, at):
    text = mint(random).text
    swapped = text[:at] + text[at + 1] + text[at] + text[at + 2 :]

    if swapped != text:
        with pytest.raises(KeyInvalidError):
            parse(swapped)


@given(seeds, st.integers(0, 56), st.sampled_from(ALPHABET))
def test_a_character_too_few_or_too_many_is_refused(random, at, more):
    text = mint(random).text
    for wrong in (text[:at] + text[at + 1 :], text[:at] + more + text[at:]):
        if wrong != text:
            with pytest.raises(KeyInvalidError):
                parse(wrong)


@given(st.text(max_size=80))
def test_any_other_text_is_refused_and_nothing_else_happens(text):
    with pytest.raises(KeyInvalidError):
        parse(text)


@given(seeds, st.sampled_from(["", "?x=", '"', "https://h/v1?api_key=", "\n", "=", "("]))
def test_a_scanner_finds_a_key_in_any_text(random, before):
    text = mint(random).text

    assert re.findall(SCANNED, f"{before}{text} and on") == [text]
    assert is_key(f"{before}{text}&more=1")


def test_what_speaks_of_keys_is_not_taken_for_one():
    for text in ("", KEY_PREFIX, f"{KEY_PREFIX}<id8>_<secret32>", f"{KEY_PREFIX}ab12cd34_…"):
        assert not is_key(text)
        assert re.findall(SCANNED, text) == []


@given(seeds)
def test_a_printed_key_shows_its_id_alone(random):
    key = mint(random)
    secret = key.text[18:]

    for shown in (repr(key), str(key), f"{key}", masked(f"GET /?k={key.text} HTTP/1.1")):
        assert key.id in shown
        assert secret not in shown
        assert secret[:8] not in shown


def test_every_digit_of_a_secret_is_drawn_alike():
    """Chi-squared over 62 digits; 124 is beyond the 99.999 % quantile of 61 degrees."""
    random = Random(5)  # noqa: S311  the same draw every time
    keys = [mint(random) for _ in range(500)]
    counts = Counter("".join(key.text[18:50] for key in keys))
    expected = 500 * 32 / 62

    assert sum((counts[digit] - expected) ** 2 / expected for digit in DIGITS) < 124
    assert len({key.id for key in keys}) == 500
