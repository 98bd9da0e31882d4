import pytest
from keyroom import Room


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def room() -> Room:
    return Room()
