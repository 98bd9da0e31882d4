"""Keeps components running: one that dies is reported once with its cause and started again.

Expected trouble is handled inside the components; what arrives here is a bug, and the others must
not suffer for it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from random import Random
from typing import Final

import structlog

from cloud_marketdata.core.backoff import backoff
from cloud_marketdata.core.clock import Clock

_FIRST_S: Final = 1.0
_STABLE_S: Final = 60.0


async def supervised(
    name: str,
    run: Callable[[], Awaitable[None]],
    clock: Clock,
    random: Random,
    died: Callable[[str], None] | None = None,
) -> None:
    """Run until it returns or is cancelled; after a crash wait and run again.

    The waits grow from crash to crash and begin anew after a run of a minute. `died` is told the
    name at each crash.
    """
    delays = backoff(random, first_s=_FIRST_S)
    while True:
        began = clock.monotonic()
        try:
            await run()
        except asyncio.CancelledError:
            raise
        except Exception:  # noqa: BLE001  whatever it is, it is told and the component restarts
            structlog.get_logger().exception("component.died", component=name)
            if died:
                died(name)
        else:
            return
        if clock.monotonic() - began >= _STABLE_S:
            delays = backoff(random, first_s=_FIRST_S)
        await clock.sleep(next(delays))
