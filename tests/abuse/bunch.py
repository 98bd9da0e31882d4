"""Keys for every case, put straight into the store of a service that has not started yet.

Nobody can wait for a key to expire, so records with past times are made by hand; what a service
does with them is its own affair.
"""

import asyncio
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from random import Random, SystemRandom
from typing import Final, Self
from zlib import crc32

from msgspec.structs import replace

from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.core.config import Settings, load
from cloud_marketdata.domain.values import NS_PER_S
from cloud_marketdata.security.identity import Scope
from cloud_marketdata.security.keys.form import Key, mint
from cloud_marketdata.security.keys.pepper_file import open_peppers
from cloud_marketdata.security.keys.peppers import Peppers
from cloud_marketdata.storage.deployment import Deployment, open_stores
from cloud_marketdata.storage.security_ports import KeyRecord

HOUR: Final = 3600 * NS_PER_S
DAY: Final = 24 * HOUR
UNLIMITED: Final = 10_000_000
PLENTY: Final = tuple(sorted(Scope))
_SECRET: Final = len("cmd_live_aaaaaaaa_")


class Bunch(dict[str, str]):
    """Texts of keys by their names; some of them belong to no record."""

    @classmethod
    def made(cls, env: Mapping[str, str]) -> Self:
        """Make them in the folder that a service with this environment will use."""
        return cls(asyncio.run(_stored(env)))

    def id_of(self, name: str) -> str:
        """Return the public part of a key."""
        return self[name].split("_")[2]

    def found_in(self, text: str) -> list[str]:
        """Return the names of keys whose secret stands in a text."""
        return [name for name, key in self.items() if key[_SECRET:] in text]


def _records(keys: Mapping[str, Key], now: int) -> dict[str, KeyRecord]:
    """Return what the store shall hold, by the names of the keys."""
    whole = KeyRecord(
        **dict.fromkeys(("id", "lineage", "mac", "pepper"), ""),
        generation=0,
        revision=1,
        owner="abuse",
        scopes=PLENTY,
        created_at=now,
        rotate_at=now + 23 * DAY,
        retires_at=now + 30 * DAY,
        ends_at=now + 33 * DAY,
        per_minute=UNLIMITED,
        used_at=now,
    )
    old = replace(whole, created_at=now - 40 * DAY, rotate_at=now - 17 * DAY, used_at=0)
    found = {scope.value: replace(whole, scopes=(scope.value,)) for scope in Scope}
    found |= {
        "all": whole,
        "retiring": replace(old, retires_at=now - 10 * DAY, ends_at=now + DAY),
        "expired": replace(old, retires_at=now - 10 * DAY, ends_at=now - 7 * DAY),
        "replaced": replace(
            old, retires_at=now - 4 * DAY, ends_at=now - DAY, replaced_by=keys["all"].id
        ),
        "revoked": replace(whole, revoked_at=now - HOUR),
        "elsewhere": replace(whole, networks=("10.0.0.0/8", "2001:db8::/32")),
        "behind": replace(whole, networks=("203.0.113.0/24",)),
        "slow": replace(whole, per_minute=10),
    }
    return found


async def _stored(env: Mapping[str, str]) -> dict[str, str]:
    settings = _settings(env)
    random, clock = SystemRandom(), SystemClock()
    peppers = open_peppers(settings, random)
    names = [*(scope.value for scope in Scope), "all", "retiring", "expired", "replaced"]
    names += ["revoked", "elsewhere", "behind", "slow"]
    keys = {name: mint(random) for name in names}
    async with open_stores(Deployment(settings, clock, random, appends=False)) as stores:
        for name, record in _records(keys, clock.now()).items():
            assert await stores.keys.change([_owned(record, keys[name], peppers)])
    texts = {name: key.text for name, key in keys.items()}
    return texts | dict(_none_of_ours(texts["all"], mint(random).text, random))


def _owned(record: KeyRecord, key: Key, peppers: Peppers) -> KeyRecord:
    return replace(record, lineage=key.id, **peppers.hashed(key)._asdict())


def _none_of_ours(good: str, other: str, random: Random) -> Iterator[tuple[str, str]]:
    """Yield what is near a good key and none."""
    yield "unknown", other
    yield "guessed", resealed(good[:_SECRET] + other[_SECRET:-6])
    letter = random.randrange(_SECRET, len(good) - 6)
    yield "mistyped", good[:letter] + ("a" if good[letter] != "a" else "b") + good[letter + 1 :]
    yield "lengthened", good + "0"
    yield "shortened", good[:-1]
    yield "upper", good.upper()


def resealed(text: str) -> str:
    """Return a text with the checksum that a key of this beginning has."""
    # Written again from the description: it is not the service's own that is believed here.
    number, digits = crc32(text.encode()), ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"[digit] + digits
    return text + digits


def _settings(env: Mapping[str, str]) -> Settings:
    with _environment(env):
        return load()


@contextmanager
def _environment(env: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(env)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
