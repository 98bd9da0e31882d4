"""A year of keys: clients that rotate, files that are read, and replicas that die meanwhile."""

import asyncio

from key_clients import Reader, Trader, Twins
from key_perils import AtOnce
from key_world import World
from keyroom import BEGAN, DAY, HOUR, NS
from msgspec.structs import replace

from cloud_marketdata.security.keys.desk import KeyDesk, NewKey

WISH = NewKey(owner="trader", scopes=("market:read",))


async def live_through_a_year(world: World, traders: int = 2, readers: int = 2) -> list[object]:
    """Let everybody live for 366 days; return the clients."""
    asyncio.get_running_loop().set_default_executor(AtOnce())
    clients: list[Trader | Reader | Twins] = []
    calm = KeyDesk(world.store, world.peppers, world.clock, world.random, world.settings)
    for _ in range(traders):
        made = await calm.create(WISH)
        clients.append(Trader(world, made.key, made.record))
    clients.append(Twins(world, (await calm.create(WISH)).key))
    for number in range(readers):
        made = await calm.create(replace(WISH, sink=f"{number}.key"))
        clients.append(Reader(world, made.key, f"{number}.key"))
    while world.clock.now() < BEGAN + 366 * DAY:
        hoarded = world.random.choice(world.random.choice(clients).keys)
        lives = [client.live() for client in clients]
        works = [replica.work() for replica in world.replicas]
        await world.together(*works, *lives, world.ask(hoarded))
        await world.check()
        world.clock.pass_by(world.random.randrange(2, 13) * HOUR + world.random.randrange(NS))
    return clients
