"""How a key is written: `cmd_live_<id8>_<secret32><crc6>`, 56 characters.

The id is public and names the record; the secret is 190 random bits. The checksum (CRC-32 of all
that stands before it) turns typing errors and what merely looks like a key away without a question
to the store, and lets a scanner for leaked secrets be sure. It protects nothing: the hash does.
"""

import re
from random import Random
from typing import Final, NamedTuple
from zlib import crc32

from cloud_marketdata.core.masking import KEY_PREFIX
from cloud_marketdata.security.refusals import KeyInvalidError

SCANNED: Final = rf"\b{KEY_PREFIX}[0-9a-z]{{8}}_[0-9A-Za-z]{{38}}\b"
"""What a scanner for leaked secrets looks for."""
INVALID: Final = "the key is not valid"
"""The one text for every key that is none of ours, so that it does not tell how near it was."""

_ID: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
_BASE62: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_FORM: Final = re.compile(KEY_PREFIX + r"([0-9a-z]{8})_[0-9A-Za-z]{38}")
_CHECK: Final = 6


class Key(NamedTuple):
    """A key as it is shown: its public id, and the whole text, which is never printed."""

    id: str
    text: str

    def __repr__(self) -> str:
        return f"Key({KEY_PREFIX}{self.id}_…)"


def mint(random: Random) -> Key:
    """Make a new key; `random` is a SystemRandom wherever the key is for use."""
    key_id = _drawn(random, _ID, 8)
    text = f"{KEY_PREFIX}{key_id}_{_drawn(random, _BASE62, 32)}"
    return Key(key_id, text + _checksum(text))


def parse(text: str) -> Key:
    """Read a key; raises KeyInvalidError where the form or the checksum is wrong."""
    found = _FORM.fullmatch(text)
    if found is None or text[-_CHECK:] != _checksum(text[:-_CHECK]):
        raise KeyInvalidError(INVALID)
    return Key(found[1], text)


def is_key(text: str) -> bool:
    """Whether a text holds something of a key's form, wherever in it and whatever its checksum."""
    return _FORM.search(text) is not None


def _drawn(random: Random, alphabet: str, length: int) -> str:
    return "".join(random.choice(alphabet) for _ in range(length))


def _checksum(text: str) -> str:
    number = crc32(text.encode())
    digits = []
    for _ in range(_CHECK):
        number, digit = divmod(number, len(_BASE62))
        digits.append(_BASE62[digit])
    return "".join(reversed(digits))
