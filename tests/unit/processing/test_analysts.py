"""What an analyst stores is what the log says, wherever it was stopped and whatever failed."""

from collections import Counter
from collections.abc import Sequence
from typing import ClassVar

import pytest
from flow_tape import STREAMS, Clerk, Witness, batches, dice, market, streams
from hypothesis import example, given, settings
from hypothesis import strategies as st
from worker_tape import BTC, START, S, StillClock, trade

from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.errors import FencedError, StorageError
from cloud_marketdata.domain.flow import FlowMinute
from cloud_marketdata.domain.signal import Signal, Subject
from cloud_marketdata.processing.flow.analyst import Analyst
from cloud_marketdata.processing.flow.moments import Fold
from cloud_marketdata.processing.flow.offline import analyse
from cloud_marketdata.processing.metrics.delta_path import DeltaPath
from cloud_marketdata.storage.flow_ports import FlowChanges
from cloud_marketdata.storage.memory import memory_stores
from cloud_marketdata.storage.ports import Batch, Stores, StreamKind

pytestmark = pytest.mark.anyio
TRADES = STREAMS[StreamKind.TRADES]
SUBJECT = Subject.market(BTC.venue, BTC.symbol)
KINDS = (Witness, Clerk, DeltaPath)
Told = tuple[list[FlowMinute], list[Signal]]


class FailingFlow:
    """A flow repository whose next saves fail, before they change anything."""

    def __init__(self, inner) -> None:  # any repository
        self._inner = inner
        self.failures = 0

    def __getattr__(self, name: str) -> object:
        """Do everything else as the repository inside."""
        return getattr(self._inner, name)

    async def save(self, subject: Subject, changes: FlowChanges, *, fence: int = 0) -> None:
        """Fail as often as was asked, then save."""
        if self.failures:
            self.failures -= 1
            msg = "away"
            raise StorageError(msg)
        await self._inner.save(subject, changes, fence=fence)


def fresh() -> tuple[Stores, FailingFlow]:
    """Return empty memory stores, and the handle that makes saving fail."""
    made = memory_stores(StillClock())
    failing = FailingFlow(made.flow)
    parts = {name: getattr(made, name) for name in made.__struct_fields__}
    return Stores(**parts | {"flow": failing}), failing


async def started(
    stores: Stores,
    clock: StillClock,
    kinds: Sequence[type[Fold]] = KINDS,
    fence: int = 0,
    tally: Counter[str] | None = None,
) -> Analyst:
    """Return an analyst that has loaded what is stored, as after a crash."""
    tally = Counter() if tally is None else tally
    made = Analyst(TRADES, stores, clock, Settings(), kinds=kinds, fence=fence, tally=tally)
    await made.restore()
    return made


async def stored(stores: Stores) -> Told:
    """Return everything that is stored."""
    minutes = await stores.flow.minutes(SUBJECT, 0, 1 << 62)
    return minutes, await stores.flow.signals(SUBJECT, 0, 1 << 62, limit=100_000)


async def followed(entries: Sequence[Batch], crashes: int, failures: int, seed: int) -> Told:
    """Append a log bit by bit while analysts follow it, crash and fail to save."""
    draw = dice(seed)
    stores, failing = fresh()
    clock = StillClock()
    analyst = await started(stores, clock)
    crashing = {draw.randrange(len(entries)) for _ in range(crashes)}
    for number, entry in enumerate(entries):
        await stores.log.append([entry])
        await clock.sleep(draw.random() / 5)
        if draw.random() < failures / len(entries):
            failing.failures += draw.randrange(1, 4)
        if draw.random() < 0.5:
            await analyst.step()
        try:
            await analyst.save()
        except StorageError:
            continue
        if number in crashing:
            analyst = await started(stores, clock)
    failing.failures = 0
    await analyst.finish()
    return await stored(stores)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1 << 32))
@example(50)
async def test_whoever_was_stopped_anywhere_stores_what_one_stores_who_never_was(seed):
    entries = batches(market(seed, late=3), dice(seed))
    minutes, signals = await followed(entries, 0, 0, seed)
    assert len(minutes) >= 2
    assert signals
    assert await followed(entries, 9, 9, seed + 1) == (minutes, signals)


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 1 << 32))
async def test_who_follows_a_log_stores_what_one_stores_who_reads_it_whole(seed):
    entries = batches(market(seed, late=3), dice(seed))
    minutes, signals = await followed(entries, 3, 0, seed)
    whole = analyse(BTC, streams(entries), [kind() for kind in KINDS])
    # At its end a tape is told to its last event, and a log to its watermark.
    assert minutes == whole.minutes[: len(minutes)]
    told = {one.id: one for one in whole.signals}
    assert len(signals) >= len(told) - 2
    assert all(told[one.id].revision >= one.revision for one in signals)
    assert all(told[one.id] == one for one in signals if told[one.id].revision == one.revision)


async def _tape(stores: Stores, *times: int, first: int = 1) -> None:
    for number, time in enumerate(times, first):
        await stores.log.append([Batch(TRADES, [trade(number, time)])])


async def test_a_late_trade_makes_its_minute_again_from_all_of_its_trades():
    stores, _ = fresh()
    clock = StillClock()
    tally: Counter[str] = Counter()
    analyst = await started(stores, clock, (DeltaPath,), tally=tally)
    await _tape(stores, START, START + 5 * S, START + 70 * S)
    await analyst.finish()
    await _tape(stores, START + S, START + 2 * S, first=4)
    await analyst.finish()
    (minute,), _ = await stored(stores)
    assert (minute.late, minute.revision, tally["flow_late"]) == (2, 2, 2)
    whole = analyse(
        BTC,
        streams([Batch(TRADES, [trade(n, START + at * S)]) for n, at in _IN_ORDER]),
        [DeltaPath()],
    )
    assert minute.readings == whole.minutes[0].readings


_IN_ORDER = ((1, 0), (4, 1), (5, 2), (2, 5), (3, 70))


async def test_a_late_trade_of_a_minute_whose_trades_are_gone_is_counted_and_changes_nothing():
    stores, _ = fresh()
    analyst = await started(stores, StillClock(), (DeltaPath,))
    await _tape(stores, START, START + 5 * S, START + 70 * S)
    await analyst.finish()
    ((told,), _) = await stored(stores)
    assert await stores.log.trim(TRADES, upto=1 << 62, before=1 << 62) == 2
    await _tape(stores, START + S, first=4)
    await analyst.finish()
    ((minute,), _) = await stored(stores)
    assert (minute.late, minute.revision) == (1, 1)
    assert minute.readings == told.readings


class Louder(Witness):
    """The witness by another rule."""

    version: ClassVar[int] = 2


async def test_a_fold_of_another_version_begins_anew_and_the_others_go_on():
    stores, _ = fresh()
    clock = StillClock()
    analyst = await started(stores, clock)
    await _tape(stores, *(START + n * S for n in range(100)))
    await analyst.finish()
    tally: Counter[str] = Counter()
    again = await started(stores, clock, (Louder, Clerk, DeltaPath), tally=tally)
    assert again.stage is not None
    louder, clerk, path = again.stage.folds
    assert (louder, tally["flow_begun_anew"]) == (Louder(), 1)
    assert isinstance(clerk, Clerk)
    assert clerk.clusters > 50
    assert isinstance(path, DeltaPath)
    assert path.trades


async def test_a_checkpoint_that_cannot_be_read_has_the_log_analysed_from_its_beginning():
    stores, _ = fresh()
    tally: Counter[str] = Counter()
    await stores.flow.save(SUBJECT, FlowChanges(b"m\xc1"))
    analyst = await started(stores, StillClock(), tally=tally)
    await _tape(stores, START, START + 70 * S)
    await analyst.finish()
    assert tally["flow_begun_anew"] == len(KINDS)
    assert [minute.start for minute in (await stored(stores))[0]] == [START]


async def test_who_was_fenced_off_stores_nothing():
    stores, _ = fresh()
    old = await started(stores, StillClock(), fence=1)
    await _tape(stores, START, START + 70 * S)
    await started(stores, StillClock(), fence=2)
    with pytest.raises(FencedError):
        await old.finish()
    assert await stored(stores) == ([], [])


async def test_sums_wider_than_sixty_four_bits_survive_a_restart():
    stores, _ = fresh()
    analyst = await started(stores, StillClock(), (DeltaPath,))
    await _tape(stores, START, START + 70 * S)
    huge = trade(3, START + 73 * S, price=1 << 62, size=1 << 70)
    await stores.log.append([Batch(TRADES, [huge])])
    await _tape(stores, START + 75 * S + S // 2, first=4)
    await analyst.finish()
    open_second = analyst.stage.seconds if analyst.stage else None
    again = await started(stores, StillClock(), (DeltaPath,))
    assert again.stage is not None
    assert again.stage.seconds == open_second
    assert again.stage.seconds.buy_quote == 1 << 132
    assert again.stage.folds == [DeltaPath((1 << 70) - 1, -1, (1 << 70) - 1, 1, 1, 2, 2, 3)]


async def test_the_log_is_needed_from_the_stored_checkpoint_on():
    stores, _ = fresh()
    analyst = await started(stores, StillClock(), (DeltaPath,))
    await _tape(stores, START, START + 70 * S)
    await analyst.step()
    assert analyst.needed[StreamKind.TRADES] == 0
    await analyst.save()
    assert analyst.needed[StreamKind.TRADES] == 1
