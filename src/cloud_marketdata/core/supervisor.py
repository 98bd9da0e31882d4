"""Keeps components running: one that dies is reported once with its cause and started again.

Expected trouble is handled inside the components; what arrives here is a bug, and the others must
not suffer for it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from random import Random

import structlog

from cloud_marketdata.core.backoff import backoff
from cloud_marketdata.core.clock import Clock


async def supervised(
    name: str, run: Callable[[], Awaitable[None]], clock: Clock, random: Random
) -> None:
    """Run until it returns or is cancelled; after a crash wait and run again."""
    delays = backoff(random, first_s=1.0)
    while True:
        try:
            await run()
        except asyncio.CancelledError:
            raise
        except Exception:  # noqa: BLE001  whatever it is, it is told and the component restarts
            structlog.get_logger().exception("component.died", component=name)
        else:
            return
        await clock.sleep(next(delays))
