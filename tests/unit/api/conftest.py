import asyncio
import sys
from pathlib import Path

import pytest
from starlette.testclient import TestClient

# Test folders are not packages; the tape that these tests share lies beside them.
sys.path.insert(0, str(Path(__file__).parent))

from tape import BASE, MINUTE, TAPE, Market, book

from cloud_marketdata.api.app import create_app
from cloud_marketdata.api.ops.operations import Operations
from cloud_marketdata.core.config import Settings
from guarded import Guarded


async def _filled() -> Market:
    market = await Market().open()
    for at in range(0, 300, 50):
        await market.append(TAPE[at : at + 50])
        if at == 150:
            await market.save(BASE + MINUTE)
    await market.stores.books.publish([book()])
    return market


@pytest.fixture
def market() -> Market:
    return asyncio.run(_filled())


@pytest.fixture
def client(market: Market) -> TestClient:
    return _client(market)


@pytest.fixture(scope="session")
def reader() -> TestClient:
    """A client for tests that change nothing: one market and one application for all of them."""
    return _client(asyncio.run(_filled()))


def _client(market: Market) -> TestClient:
    app = create_app(
        queries=market.queries,
        operations=Operations([], Settings(), market.clock),
        clock=market.clock,
        settings=Settings(),
        guard=Guarded(market.clock, Settings()).edge,
    )
    return TestClient(
        app, base_url="http://127.0.0.1", client=("127.0.0.1", 50000), raise_server_exceptions=False
    )
