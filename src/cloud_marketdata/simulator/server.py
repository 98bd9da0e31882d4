"""The simulated venues as one server on 127.0.0.1.

Their paths are disjoint, so several venues share a port; only USD-M's unrouted legacy path gives
way to spot's where both are served. Nothing here prints, and nothing is reachable from outside.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from random import Random
from typing import Any, Final

import uvicorn
from starlette.routing import BaseRoute, Router

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.hosting import GuestServer, bound
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.simulator.binance_rest import BinanceRest
from cloud_marketdata.simulator.binance_socket import binance_sockets
from cloud_marketdata.simulator.bybit import BybitVenue
from cloud_marketdata.simulator.bybit_rest import BybitRest
from cloud_marketdata.simulator.bybit_socket import BybitSocket
from cloud_marketdata.simulator.faults.desk import FaultDesk
from cloud_marketdata.simulator.line import Line
from cloud_marketdata.simulator.playback import play
from cloud_marketdata.simulator.staging import Act, Simulation, prepare

HOST: Final = "127.0.0.1"
PING_EVERY_S: Final = 20
PONG_WITHIN_S: Final = 60


@asynccontextmanager
async def simulate(options: Simulation, clock: Clock) -> AsyncIterator[int]:
    """Serve the venues while the block runs; yields the port.

    Raises BadRequestError for options, captures and ports that cannot be used.
    """
    acts = prepare(options, clock)
    random = Random(options.seed)  # noqa: S311 - connection ids must repeat with the seed
    failure: Exception | None = None
    with bound(HOST, options.port) as listener:
        server = GuestServer(_configured(_routes(acts, clock, random)))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(server.serve(sockets=[listener]))
            plays = [tasks.create_task(work) for act in acts for work in _works(act, clock)]
            try:
                yield listener.getsockname()[1]
            except Exception as error:  # noqa: BLE001 - kept out of the group, raised below as it is
                failure = error
            finally:
                server.should_exit = True
                for playing in plays:
                    playing.cancel()
    if failure:
        raise failure


def _works(act: Act, clock: Clock) -> tuple[Coroutine[Any, Any, None], ...]:
    return play(act.stage, act.source, act.pace, act.mischief, clock), act.mischief.run()


def _configured(routes: Sequence[BaseRoute]) -> uvicorn.Config:
    return uvicorn.Config(
        Router(routes),
        ws=Line,
        ws_per_message_deflate=False,
        ws_ping_interval=PING_EVERY_S,
        ws_ping_timeout=PONG_WITHIN_S,
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=1,
    )


def _routes(acts: Sequence[Act], clock: Clock, random: Random) -> list[BaseRoute]:
    """Return all routes, spot before USD-M."""
    routes: list[BaseRoute] = FaultDesk([act.mischief for act in acts]).routes()
    pairs = [(act.stage, act.mischief) for act in acts]
    bybit = [(stage, mischief) for stage, mischief in pairs if isinstance(stage, BybitVenue)]
    if bybit:
        routes += BybitRest(bybit, clock).routes()
    for stage, mischief in sorted(pairs, key=lambda pair: pair[0].venue is Venue.BINANCE_USDM):
        if isinstance(stage, BybitVenue):
            routes += BybitSocket(stage, mischief, random, clock).routes()
        else:
            routes += BinanceRest(stage, mischief, clock).routes()
            routes += binance_sockets(stage, mischief, clock)
    return routes
