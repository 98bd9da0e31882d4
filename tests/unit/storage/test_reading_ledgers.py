"""Reading a ledger comes to an end, also where a worker saves all the time."""

import pytest
from msgspec.structs import replace

from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.domain.sheet import Changes, Marks
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.storage.coverage import read_ledger
from cloud_marketdata.storage.memory import memory_stores

pytestmark = pytest.mark.anyio
MARKET = (Venue.BINANCE_SPOT, "BTCUSDT")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Busy:
    """A log; whenever its end is asked for, somebody has saved meanwhile."""

    def __init__(self, stores) -> None:
        self._stores = stores
        self.saves = 0

    async def last(self, _: object) -> None:
        """See EventLog."""
        self.saves += 1
        marks = Marks(trades=self.saves, status=self.saves)
        await self._stores.aggregates.save([], Changes(*MARKET, marks))


async def test_a_ledger_that_changes_in_every_pass_is_an_error_and_no_endless_loop():
    stores = memory_stores(SystemClock())
    busy = Busy(stores)
    with pytest.raises(StorageError, match="faster than it can be read"):
        await read_ledger(replace(stores, log=busy), *MARKET)
    assert busy.saves < 100
