"""A worker that waits longer for late trades than the one before it loses none that is stored."""

import pytest
from worker_tape import (
    START,
    S,
    append,
    content,
    drained,
    fresh_stores,
    recomputed,
    started,
    stored,
    trade,
)

from cloud_marketdata.domain.values import Timeframe

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_a_longer_lateness_after_a_restart_keeps_what_is_stored():
    stores, _ = fresh_stores()
    seconds = {1: 0, 2: 10, 3: 40, 5: 90}
    tape = [trade(number, START + after * S) for number, after in seconds.items()]
    first = await started(stores, lateness_ms=2000)
    await append(stores, *tape)
    await drained(first)
    await first.save()

    again = await started(stores, lateness_ms=60_000)
    late = trade(4, START + 45 * S)
    await append(stores, late)
    await drained(again)
    await again.save()

    for frame in (Timeframe.S1, Timeframe.M1):
        assert content(await stored(stores, frame)) == content(recomputed([*tape, late], frame))
