import asyncio
import sys
from pathlib import Path

import pytest
from starlette.testclient import TestClient

# Test folders are not packages; the tape that these tests share lies beside them.
sys.path.insert(0, str(Path(__file__).parent))

from tape import BASE, MINUTE, TAPE, Market, book

from cloud_marketdata.api.app import create_app
from cloud_marketdata.core.config import Settings


@pytest.fixture
def market() -> Market:
    async def fill() -> Market:
        market = await Market().open()
        for at in range(0, 300, 50):
            await market.append(TAPE[at : at + 50])
            if at == 150:
                await market.save(BASE + MINUTE)
        await market.stores.books.publish([book()])
        return market

    return asyncio.run(fill())


@pytest.fixture
def client(market: Market) -> TestClient:
    app = create_app(queries=market.queries, components=[], clock=market.clock, settings=Settings())
    return TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False)
