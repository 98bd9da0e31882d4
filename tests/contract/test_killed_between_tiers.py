"""A kill between forgetting a day's hours and the day itself leaves nothing stuck."""

import msgspec
import pytest
from fortnight import HeldClock
from test_tiers_let_go import Stage

from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.domain.values import Timeframe, Venue
from cloud_marketdata.storage.memory import memory_stores
from cloud_marketdata.storage.ports import AggregateRepository

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Killed:
    """Aggregates whose process is killed before it forgets a day."""

    def __init__(self, inner: AggregateRepository) -> None:
        self._inner = inner
        self.over = False

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    async def forget(
        self, venue: Venue, symbol: str, timeframe: Timeframe, before: int, *, fence: int = 0
    ) -> int:
        """See AggregateRepository."""
        if not self.over and timeframe is Timeframe.D1 and before:
            raise StorageError("killed")
        return await self._inner.forget(venue, symbol, timeframe, before, fence=fence)


async def test_the_next_process_archives_and_forgets_what_is_left():
    stores = memory_stores(HeldClock())
    aggregates = Killed(stores.aggregates)
    stage = Stage(msgspec.structs.replace(stores, aggregates=aggregates))
    await stage.fill()
    await stage.forget()
    await stage.archiving.round()
    with pytest.raises(StorageError):
        await stage.forget()

    aggregates.over = True
    stage.anew()
    for _ in range(3):
        await stage.archiving.round()
        await stage.forget()
    assert await stage.counts() == [0, 0, 0, 0]
    assert (await stage.archiving.pulse()).ok
