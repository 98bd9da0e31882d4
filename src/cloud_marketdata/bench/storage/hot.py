"""The hot tier: trades into the log, out of it by time, and through the reader of a worker."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from itertools import count
from typing import Final, NamedTuple

from cloud_marketdata.bench.storage.rates import Case, Name, ServerCpu
from cloud_marketdata.bench.storage.sizes import Size, size
from cloud_marketdata.bench.storage.tape import Tape, in_batches
from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.values import Timeframe
from cloud_marketdata.storage.packing import pack_events
from cloud_marketdata.storage.ports import Batch, HotPart, Stream, StreamKind

TIER: Final = "hot"
BATCH: Final = 100
A_CALL: Final = 20
ONE: Final = f"append {BATCH} trades a call"
MANY: Final = f"append {A_CALL} x {BATCH} trades a call"
BARE_ONE: Final = f"bare: XADD of {BATCH} trades a call"
BARE_MANY: Final = f"bare: {A_CALL} x XADD of {BATCH} trades a call"
PACK: Final = f"only pack {BATCH} trades"
_FORMS: Final = {
    "entries of 1": (1, 0),
    "entries of 10 ms": (500, 10),
    f"entries of {BATCH}": (BATCH, 0),
    "entries of 500": (500, 0),
}
_APPENDED: Final = 20_000
_PAGE: Final = 50
_NO_LIMIT: Final = 1 << 31

Weigh = Callable[[Stream], Awaitable[dict[str, int]]]
"""Tells the bytes that a stream takes, by part."""


class Hot(NamedTuple):
    """An opened hot tier, how its streams are weighed, and the CPU of its server."""

    engine: str
    part: HotPart
    weigh: Weigh
    server: ServerCpu | None = None


class Load(NamedTuple):
    """The trades to store: `long` are those of `minutes`."""

    tape: Tape
    long: list[TradeEvent]
    minutes: int

    @property
    def batches(self) -> list[list[TradeEvent]]:
        """As many batches as one round appends."""
        return in_batches(self.long[:_APPENDED], BATCH)


async def fill(hot: Hot, load: Load) -> list[Size]:
    """Store the long tape once in each form; return what its trades weigh."""
    sizes = []
    for form, (most, milliseconds) in _FORMS.items():
        stream = _stream(load, form)
        # So many entries of one trade tell no more than a few do.
        trades = load.long[:_APPENDED] if most == 1 else load.long
        batches = in_batches(trades, most, milliseconds)
        before = await hot.weigh(stream)
        for calls in _calls(batches, 100):
            await hot.part.log.append([Batch(stream, batch) for batch in calls])
        after = await hot.weigh(stream)
        parts = {name: after[name] - before[name] for name in after}
        what = f"trade, {form} ({len(trades) / len(batches):.1f} trades each)"
        sizes.append(size(TIER, hot.engine, what, len(trades), parts))
    return sizes


def cases(hot: Hot, load: Load, *, bare: bool) -> list[Case]:
    """Return what is measured; `bare` says whether the bare driver is measured too."""
    fresh = (_stream(load, f"round {number}") for number in count())
    reads = [("1 minute", 1), (f"{load.minutes} minutes", load.minutes)]
    return [
        Case(_name(hot, ONE, "trade"), _append(hot, load, fresh, 1), hot.server, BARE_ONE * bare),
        Case(
            _name(hot, MANY, "trade"),
            _append(hot, load, fresh, A_CALL),
            hot.server,
            BARE_MANY * bare,
        ),
        Case(
            _name(hot, "a worker reads and acknowledges", "trade"), _follow(hot, load), hot.server
        ),
        *(_read(hot, load, words, minutes) for words, minutes in reads),
    ]


def packing(load: Load) -> Case:
    """Return the packing alone, which is a part of every append."""
    batches = load.batches

    async def work() -> int:
        return sum(len(batch) for batch in batches if pack_events(batch))

    return Case(Name(TIER, "none", PACK, "trade"), work)


def _append(
    hot: Hot, load: Load, fresh: Iterator[Stream], a_call: int
) -> Callable[[], Awaitable[int]]:
    calls = list(_calls(load.batches, a_call))

    async def work() -> int:
        stream = next(fresh)
        for batches in calls:
            await hot.part.log.append([Batch(stream, batch) for batch in batches])
        return sum(len(batch) for batches in calls for batch in batches)

    return work


def _follow(hot: Hot, load: Load) -> Callable[[], Awaitable[int]]:
    stream = _stream(load, f"entries of {BATCH}")

    async def work() -> int:
        reader = await hot.part.log.reader(stream, after=0)
        trades = 0
        while trades < min(2 * _APPENDED, len(load.long)):
            records = await reader.read(_PAGE)
            await reader.acknowledge(records[-1].position)
            trades += sum(len(record.events) for record in records)
        return trades

    return work


def _read(hot: Hot, load: Load, words: str, minutes: int) -> Case:
    stream = _stream(load, f"entries of {BATCH}")
    start = load.tape.start
    end = start + minutes * Timeframe.M1.ns
    there = sum(trade.exchange_time < end for trade in load.long)

    async def work() -> int:
        found = await hot.part.trades.find_by_range(
            stream.venue, stream.symbol, start, end, limit=_NO_LIMIT
        )
        assert len(found) == there, f"{len(found)} trades of {there}"
        return len(found)

    return Case(_name(hot, f"read {words} ({there:,} trades)", "trade"), work, hot.server)


def _name(hot: Hot, what: str, unit: str) -> Name:
    return Name(TIER, hot.engine, what, unit)


def _stream(load: Load, form: str) -> Stream:
    """Return a stream of its own; the log does not care that its trades are of another symbol."""
    symbol = f"{load.tape.instrument.symbol}-{form.replace(' ', '-')}"
    return Stream(load.tape.instrument.venue, symbol, StreamKind.TRADES)


def _calls(batches: Sequence[list[TradeEvent]], most: int) -> Iterator[Sequence[list[TradeEvent]]]:
    return (batches[at : at + most] for at in range(0, len(batches), most))
