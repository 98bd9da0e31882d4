"""An analysis that is stopped and taken up anywhere says what one that was never stopped says."""

from collections import Counter

import msgspec
import pytest
from flow_tape import Witness, batches, dice, market
from worker_tape import BTC, START

from cloud_marketdata.core.config import Settings
from cloud_marketdata.domain.signal import Subject
from cloud_marketdata.processing.flow.analyst import Analyst
from cloud_marketdata.processing.flow.checkpoint import written
from cloud_marketdata.processing.flow.registry import FOLDS
from cloud_marketdata.storage.memory import memory_stores
from cloud_marketdata.storage.ports import Stream, StreamKind

pytestmark = pytest.mark.anyio

SUBJECT = Subject.market(BTC.venue, BTC.symbol)
KINDS = (Witness, *FOLDS)
ALL = 1 << 62


class Still:
    """A clock that stands."""

    def now(self) -> int:
        """Tell the time."""
        return START

    def monotonic(self) -> float:
        """Tell seconds."""
        return START / 1e9

    async def sleep(self, seconds: float) -> None:
        """Be back at once."""


def analyst(stores, fence):
    stream = Stream(BTC.venue, BTC.symbol, StreamKind.TRADES)
    settings = Settings(save_ms=10)
    return Analyst(stream, stores, Still(), settings, kinds=KINDS, fence=fence, tally=Counter())


async def told(stores):
    minutes = await stores.flow.minutes(SUBJECT, 0, ALL)
    signals = await stores.flow.signals(SUBJECT, 0, ALL, limit=10_000)
    return msgspec.json.encode([minutes, signals])


async def analysed(entries, restarts):
    """Append entries one by one, and have an analyst follow; it dies and is replaced at random."""
    stores = memory_stores(Still())
    fence = 1
    one = analyst(stores, fence)
    await one.restore()
    for at, entry in enumerate(entries):
        await stores.log.append([entry])
        if at % 3 == 0 or at in restarts:
            await one.step()
            await one.save(at_once=at % 2 == 0)
        if at in restarts:
            fence += 1
            one = analyst(stores, fence)
            await one.restore()
    await one.finish()
    return stores


@pytest.mark.parametrize("seed", range(4))
async def test_restarts_anywhere_change_nothing_of_minutes_and_signals(seed):
    draw = dice(seed)
    entries = batches(market(seed, seconds=140), draw)
    restarts = set(draw.sample(range(len(entries)), 12))

    whole = await analysed(entries, set())
    broken = await analysed(entries, restarts)

    assert await told(broken) == await told(whole)
    assert len(await whole.flow.minutes(SUBJECT, 0, ALL)) >= 2


async def test_every_registered_fold_comes_back_from_a_checkpoint_as_it_was():
    entries = batches(market(9, seconds=130), dice(9))
    stores = await analysed(entries, set())
    one = analyst(stores, 99)
    await one.restore()

    assert one.stage is not None
    assert [type(fold) for fold in one.stage.folds] == list(KINDS)
    kept = await stores.flow.claim(SUBJECT, fence=99)
    assert written(one.stage, one._merge.cut) == kept
