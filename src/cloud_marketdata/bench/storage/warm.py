"""The warm tier: buckets saved as a worker saves them, and read back as answers want them."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, NamedTuple

from cloud_marketdata.bench.storage.rates import Case, Name, ServerCpu
from cloud_marketdata.bench.storage.sizes import Size, size
from cloud_marketdata.domain.aggregate import Aggregate
from cloud_marketdata.domain.values import Timeframe
from cloud_marketdata.storage.ports import WarmPart

TIER: Final = "warm"
A_SAVE: Final = 60
LIVE: Final = "save 1 minute and 1 second"
MANY: Final = f"save {A_SAVE} minutes a call"
BARE_LIVE: Final = "bare: bulk_write of 1 minute and 1 second"
BARE_MANY: Final = f"bare: bulk_write of {A_SAVE} minutes"
LIVE_SAVES: Final = 50

Buckets = Mapping[Timeframe, list[Aggregate]]
Weigh = Callable[[Timeframe], Awaitable[dict[str, int]]]
"""Tells the bytes that the buckets of a timeframe take; what is counted for all alike, for all."""


class Warm(NamedTuple):
    """An opened warm tier, how it is weighed, and the CPU of its server."""

    engine: str
    part: WarmPart
    weigh: Weigh
    server: ServerCpu | None = None


async def fill(warm: Warm, buckets: Buckets) -> list[Size]:
    """Store all buckets, timeframe by timeframe; return what they weigh."""
    sizes = []
    for timeframe, items in buckets.items():
        before = await warm.weigh(timeframe)
        for at in range(0, len(items), A_SAVE):
            await warm.part.aggregates.save(items[at : at + A_SAVE])
        after = await warm.weigh(timeframe)
        parts = {name: after[name] - before[name] for name in after}
        rows = sum(len(item.profile.cells) for item in items) / len(items)
        what = f"{timeframe} bucket" + (f" ({rows:.0f} rows)" if rows else "")
        sizes.append(size(TIER, warm.engine, what, len(items), parts))
    return sizes


def cases(warm: Warm, buckets: Buckets, *, bare: bool) -> list[Case]:
    """Return what is measured; `bare` says whether the bare driver is measured too."""
    minutes, seconds = buckets[Timeframe.M1], buckets[Timeframe.S1]
    live = [list(pair) for pair in zip(minutes, seconds, strict=False)][:LIVE_SAVES]
    many = [minutes[at : at + A_SAVE] for at in range(0, min(240, len(minutes)), A_SAVE)]
    return [
        Case(_name(warm, LIVE, "save"), _save(warm, live, len), warm.server, BARE_LIVE * bare),
        Case(
            _name(warm, MANY, "profile"), _save(warm, many, _total), warm.server, BARE_MANY * bare
        ),
        *(
            _read(warm, minutes[:wanted])
            for wanted in sorted({min(60, len(minutes)), len(minutes)})
        ),
    ]


def _save(
    warm: Warm,
    saves: Sequence[list[Aggregate]],
    counted: Callable[[Sequence[list[Aggregate]]], int],
) -> Callable[[], Awaitable[int]]:
    async def work() -> int:
        for aggregates in saves:
            # A bucket at the same position would be the same bytes, which an engine may skip.
            for one in aggregates:
                one.position += 1
            await warm.part.aggregates.save(aggregates)
        return counted(saves)

    return work


def _read(warm: Warm, minutes: Sequence[Aggregate]) -> Case:
    instrument, start, end = minutes[0].instrument, minutes[0].start, minutes[-1].end

    async def work() -> int:
        found = await warm.part.aggregates.find_by_range(
            instrument.venue, instrument.symbol, Timeframe.M1, start, end
        )
        assert len(found) == len(minutes), f"{len(found)} profiles of {len(minutes)}"
        return len(found)

    return Case(_name(warm, f"read {len(minutes)} profiles a call", "profile"), work, warm.server)


def _total(saves: Sequence[list[Aggregate]]) -> int:
    return sum(map(len, saves))


def _name(warm: Warm, what: str, unit: str) -> Name:
    return Name(TIER, warm.engine, what, unit)
