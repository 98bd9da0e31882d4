"""One suite over every backend: a new backend is one more deployment."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from deployments import Opening, kinds_for, opening

from cloud_marketdata.core.clock import SystemClock
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


@pytest.fixture(autouse=True)
def watched_commands(one_shard_each: None) -> None:
    """Hold whatever is asked of MongoDB against what a sharded one could do on one shard."""


@pytest.fixture
def clock() -> BellClock:
    return BellClock()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run whatever asks for `stores` over every deployment that its law concerns."""
    if "stores" in metafunc.fixturenames:
        metafunc.parametrize("deployed", kinds_for(metafunc.module.__name__), indirect=True)


@pytest.fixture
def deployed(request, clock) -> Opening:
    return opening(request.param, request, clock)


@pytest.fixture
async def stores(deployed) -> AsyncIterator[Stores]:
    async with deployed as opened:
        yield opened
