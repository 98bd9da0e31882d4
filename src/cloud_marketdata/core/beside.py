"""Runs a task for as long as a block lasts."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager


@asynccontextmanager
async def beside(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Run the work beside the block, whose own error leaves as it is and not in a group."""
    error: BaseException | None = None
    async with asyncio.TaskGroup() as group:
        task = group.create_task(work)
        try:
            yield
        except BaseException as raised:  # noqa: BLE001  # it is raised again below
            error = raised
        task.cancel()
    if error is not None:
        raise error
