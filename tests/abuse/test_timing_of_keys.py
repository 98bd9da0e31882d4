"""How long a key is looked at does not tell where it is wrong, nor whether its id exists."""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from random import Random
from statistics import NormalDist, median

import pytest
from bunch import resealed

from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.core.config import Settings
from cloud_marketdata.security.keys.desk import KeyDesk, NewKey
from cloud_marketdata.security.keys.form import mint
from cloud_marketdata.security.keys.keyring import Keyring
from cloud_marketdata.security.keys.peppers import Peppers
from cloud_marketdata.security.refusals import KeyInvalidError
from cloud_marketdata.storage.memory.keys import MemoryKeys

pytestmark = pytest.mark.anyio
ROUNDS = 3000
BEGIN, END = len("cmd_live_aaaaaaaa_"), len("cmd_live_aaaaaaaa_") + 32


def turned(key: str, at: int) -> str:
    """Return the key with another letter there, and the checksum that belongs to it."""
    letter = "a" if key[at] != "a" else "b"
    return resealed(key[:at] + letter + key[at + 1 : END])


async def seconds_of(keyring: Keyring, key: str) -> int:
    begun = time.perf_counter_ns()
    try:
        await keyring.identify(key, "127.0.0.1")
    except KeyInvalidError:
        return time.perf_counter_ns() - begun
    raise AssertionError(key[:BEGIN])


def p_of(left: list[int], right: list[int]) -> float:
    """Return how probable such a difference is where there is none (Mann and Whitney)."""
    ours = Counter(left)
    total, ranks, passed = ours + Counter(right), 0.0, 0
    for value in sorted(total):
        # Equal times share the middle of their places.
        ranks += ours[value] * (passed + (total[value] + 1) / 2)
        passed += total[value]
    n, m = len(left), len(right)
    u = ranks - n * (n + 1) / 2
    z = (u - n * m / 2) / (n * m * (n + m + 1) / 12) ** 0.5
    return 2 * (1 - NormalDist().cdf(abs(z)))


async def measured(
    keyring: Keyring, keys: Mapping[str, str | Callable[[], str]]
) -> dict[str, list[int]]:
    """Time every kind of key in turn, in another order each round."""
    random, found = Random(3), {name: [] for name in keys}  # noqa: S311  nothing is guarded by it
    for _ in range(ROUNDS):
        for name in random.sample(sorted(keys), len(keys)):
            key = keys[name]
            found[name].append(await seconds_of(keyring, key if isinstance(key, str) else key()))
    return found


@pytest.mark.parametrize("cache_s", [0.0, 2.0], ids=["looked up", "remembered"])
async def test_where_a_key_is_wrong_is_not_told_by_time(cache_s, record_property):
    settings = Settings(key_cache_s=cache_s)
    clock, random = SystemClock(), Random(11)  # noqa: S311  keys of a test
    repository, peppers = MemoryKeys(), Peppers({"one": "x" * 32})
    desk = KeyDesk(repository, peppers, clock, random, settings)
    key = (await desk.create(NewKey("abuse", ("market:read",)))).key
    keyring = Keyring(repository, peppers, clock, settings)
    kinds = {
        "first": turned(key, BEGIN),
        "middle": turned(key, BEGIN + 16),
        "last": turned(key, END - 1),
        "nobody": mint(random).text,
    }

    found = await measured(keyring, kinds)

    medians = {name: median(times) / 1000 for name, times in found.items()}
    odds = {name: p_of(found["first"], found[name]) for name in kinds if name != "first"}
    told = ", ".join(f"{name} {us:.2f} us" for name, us in medians.items())
    record_property("told", f"{told}; p " + ", ".join(f"{n} {p:.2f}" for n, p in odds.items()))
    # On a machine that others use a finer bound would only tell of them.
    assert max(medians.values()) < 1.5 * min(medians.values()), medians


def test_the_test_of_ranks_sees_a_difference_and_invents_none():
    random = Random(5)  # noqa: S311  nothing is guarded by it
    same = [[random.randrange(1000) for _ in range(500)] for _ in range(2)]

    assert p_of(*same) > 0.01
    assert p_of(same[0], [value + 200 for value in same[1]]) < 1e-6
