"""A year in which processes die and answers are lost: keys are replaced, nobody is refused."""

from collections import defaultdict

import pytest
from key_clients import Reader, Trader, Twins
from key_world import World
from key_year import live_through_a_year
from keyroom import HERE

from cloud_marketdata.security.keys.form import parse
from cloud_marketdata.security.refusals import KeyExpiredError, KeyRevokedError

pytestmark = pytest.mark.anyio


SEEDS = [0, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(1, 20))]


@pytest.mark.parametrize("seed", SEEDS)
async def test_who_follows_the_protocol_is_never_refused_and_no_key_outlives_its_grace(
    tmp_path, seed, record_property
):
    world = World(seed, tmp_path)
    clients = await live_through_a_year(world)

    assert world.wrongs == []
    await _no_predecessor_has_two_heirs(world)
    await _every_hoarded_key_is_over(world, clients)
    # The year was one: everybody went through a dozen keys, and the replicas through many deaths.
    assert all(11 <= one.rotations <= 17 for one in clients if isinstance(one, Trader))
    assert all(13 <= len(one.keys) <= 17 for one in clients if isinstance(one, Reader))
    assert world.fate.killed > 80
    assert world.fate.lost > 200
    record_property("told", f"{world.fate.killed} deaths, {world.fate.lost} lost answers")


async def _no_predecessor_has_two_heirs(world) -> None:
    """Of the successors of one key one alone ever authenticated, and one at most lives on."""
    siblings = defaultdict(list)
    for one in await world.store.all():
        siblings[one.lineage, one.generation].append(one)
    assert len(siblings) > 40
    for family in siblings.values():
        assert sum(one.id in world.authenticated for one in family) <= 1
        assert sum(not one.revoked_at for one in family) <= 1
        for one in family:
            assert bool(one.used_at) >= (one.id in world.authenticated)
            assert not (one.used_at and one.revoked_at)


async def _every_hoarded_key_is_over(world, clients) -> None:
    world.fate.kills = world.fate.losses = 0
    keyring = world.replicas[0].keyring
    for client in clients:
        for text in client.keys[:-2]:
            with pytest.raises((KeyExpiredError, KeyRevokedError)):
                await keyring.identify(text, HERE)
        if isinstance(client, Twins):
            continue
        assert (await keyring.identify(client.keys[-1], HERE)).key_id == parse(client.keys[-1]).id
