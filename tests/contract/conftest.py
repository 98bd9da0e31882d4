"""One suite over every backend: a new backend is one more parameter of `stores`."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.storage.embedded import open_embedded
from cloud_marketdata.storage.memory import memory_stores
from cloud_marketdata.storage.ports import Stores


class BellClock(SystemClock):
    """A clock on which time passes when the bell is rung, and only then."""

    def __init__(self) -> None:
        self._bell = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        """Wait for the bell, however long that takes."""
        del seconds
        await self._bell.wait()

    def ring(self) -> None:
        """End every sleep, also those that begin later."""
        self._bell.set()


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def clock() -> BellClock:
    return BellClock()


@pytest.fixture(params=["memory", "embedded"])
async def stores(request, tmp_path, clock) -> AsyncIterator[Stores]:
    if request.param == "memory":
        yield memory_stores(clock)
        return
    async with open_embedded(tmp_path / "data", clock) as opened:
        yield opened
