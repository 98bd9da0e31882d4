"""Keeps cancellations away from MongoDB's driver, which does not bear them.

It sends and waits through Python 3.11's `asyncio.wait_for`. That loses a cancellation which comes
just when what it waits for is done, and one that comes at the driver's own time-out leaves a lock
that nobody releases: then the server is not used again before the process is restarted.
"""

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def unbroken(ask: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """Let the asker be cancelled at once, and the question come to its end by its own time-out."""

    @wraps(ask)
    async def asked(*given: P.args, **named: P.kwargs) -> T:
        return await asyncio.shield(asyncio.ensure_future(ask(*given, **named)))

    return asked
