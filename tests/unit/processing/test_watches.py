"""An analyst works beside the worker, and what goes wrong with it never reaches the bars."""

from typing import ClassVar

import pytest
from crew_tape import LEASE_S, PACE, Tape, crew, equals_brute_force, running
from flow_tape import Witness
from paused_crews import Outage, SharedClock, behind
from worker_tape import BTC, DAY, START, STREAM, S

from cloud_marketdata.domain.signal import Subject
from cloud_marketdata.processing.flow import watch
from cloud_marketdata.processing.flow.moments import Cluster, Fold, Scene, Told
from cloud_marketdata.processing.metrics.delta_path import DeltaPath
from cloud_marketdata.storage.memory import memory_stores
from cloud_marketdata.storage.ports import StreamKind

pytestmark = pytest.mark.anyio
MARKET = "binance-usdm/BTCUSDT"
SUBJECT = Subject.market(BTC.venue, BTC.symbol)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Breaking(Fold):
    """A fold that breaks on a trade that was made at a certain price, while it may."""

    name: ClassVar[str] = "breaking"
    breaks: ClassVar[bool] = True

    def on_cluster(self, scene: Scene, cluster: Cluster) -> Told:
        """Break."""
        assert scene.time == cluster.time
        if self.breaks and cluster.low == 600_005:
            msg = "this fold has a bug"
            raise ZeroDivisionError(msg)
        return ()


class Market:
    """A crew of one market, whose store of order flow can be away."""

    def __init__(self, **paced: object) -> None:
        self.clock = SharedClock(START + 2 * DAY)
        self.stores = memory_stores(self.clock)
        self.tape = Tape(self.stores)
        self.outage = Outage()
        reached = behind(self.stores, self.outage, ("flow",))
        self.crew = crew(
            reached, self.clock, "one", PACE.model_copy(update={"signals": True} | paced)
        )

    async def trade(self, entries: int) -> None:
        """Append a trade a second of the tape, ten a second of the clock."""
        for _ in range(entries):
            await self.tape.append(S)
            await self.clock.move(0.1)

    async def pulse(self) -> dict[str, object]:
        """Return what is told of the market."""
        return (await self.crew.pulse()).detail

    async def minutes(self):
        """Return the stored minutes of order flow."""
        return await self.stores.flow.minutes(SUBJECT, 0, 1 << 62)

    async def closed(self) -> None:
        """Let everything close, and compare bars with brute force."""
        await self.tape.close()
        await self.clock.move(4 * LEASE_S)
        await equals_brute_force(self.stores, self.tape)


async def test_beside_bars_come_minutes_that_say_the_same_of_the_tape(monkeypatch):
    monkeypatch.setattr(watch, "FOLDS", (Witness, DeltaPath))
    market = Market()
    async with running(market.crew):
        await market.trade(150)
        detail = await market.pulse()
        await market.closed()
    assert (detail["analysts"], detail["warming"], detail["trouble"]) == (1, 0, {})
    assert detail["flow_signals"]
    told = [minute.readings["delta_path"] for minute in await market.minutes()]
    assert sum(int(str(one["trades"])) for one in told[:3]) == 150


async def test_a_fold_that_breaks_is_told_and_the_bars_go_on_until_it_is_mended(monkeypatch):
    monkeypatch.setattr(watch, "FOLDS", (Breaking, DeltaPath))
    market = Market()
    async with running(market.crew):
        await market.trade(80)
        detail = await market.pulse()
        assert detail["trouble"] == {MARKET: "analysing: this fold has a bug"}
        assert (detail["analysts"], detail["flow_broken"]) == (0, 1)
        assert market.crew.owners[STREAM].watch.needed(StreamKind.TRADES) == 1 << 62
        await equals_brute_force_so_far(market)
        monkeypatch.setattr(Breaking, "breaks", False)
        await market.trade(700)
        assert (await market.pulse())["trouble"] == {}
        await market.closed()
    assert len(await market.minutes()) >= 10


async def equals_brute_force_so_far(market: Market) -> None:
    """Look whether all trades of the tape are inside what is stored."""
    await market.clock.move(1)
    inside = await market.stores.aggregates.position(BTC.venue, BTC.symbol)
    assert inside == len(market.tape.trades)


async def test_while_its_store_is_away_bars_are_saved_and_afterwards_nothing_is_missing(
    monkeypatch,
):
    monkeypatch.setattr(watch, "FOLDS", (Witness, DeltaPath))
    market = Market()
    async with running(market.crew):
        await market.trade(70)
        market.outage.down = True
        await market.trade(140)
        assert "analysing" in str((await market.pulse())["trouble"])
        await equals_brute_force_so_far(market)
        market.outage.down = False
        await market.trade(70)
        assert (await market.pulse())["trouble"] == {}
        await market.closed()
    starts = [minute.start for minute in await market.minutes()]
    assert starts[:4] == [START + DAY + n * 60 * S for n in range(4)]


async def test_without_the_setting_nothing_is_analysed_and_bars_are_as_ever():
    market = Market(signals=False)
    async with running(market.crew):
        await market.trade(150)
        assert (await market.pulse())["analysts"] == 0
        await market.closed()
    assert await market.minutes() == []


async def test_a_stop_stores_what_the_log_holds_up_to_the_watermark(monkeypatch):
    monkeypatch.setattr(watch, "FOLDS", (DeltaPath,))
    market = Market()
    for _ in range(130):
        await market.tape.append(S)
    await market.crew.finish()
    assert len(await market.minutes()) == 2
