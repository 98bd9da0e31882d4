"""Book snapshots and deltas as columns, with the levels of all events in two long ones."""

from collections.abc import Iterator, Sequence
from itertools import chain, islice

from msgspec import Struct

from cloud_marketdata.domain.events import BookDelta, BookEvent, BookSnapshot, Level
from cloud_marketdata.storage.packing.columns import IntColumn, pack_ints, unpack_ints
from cloud_marketdata.storage.packing.envelope import Runs, pack_runs, unpack_runs

_SNAPSHOT, _DELTA, _LINKED_DELTA = range(3)


class Levels(Struct, array_like=True):
    """Prices and sizes of `count` levels."""

    count: int
    price: IntColumn
    size: IntColumn


class BookBlock(Struct, tag="book", array_like=True):
    """Columns of a batch of book events.

    `kind` tells a snapshot, a delta, and a delta that names its predecessor; only the latter have
    a value in `previous`. A snapshot has its one update id in both id columns.
    """

    runs: Runs
    kind: bytes
    first: IntColumn
    last: IntColumn
    previous: IntColumn
    bids: IntColumn
    asks: IntColumn
    levels: Levels
    exchange_time: IntColumn
    received_at: IntColumn


def pack_levels(levels: Sequence[Level]) -> Levels:
    """Turn levels into two columns."""
    return Levels(
        len(levels),
        pack_ints([price for price, _ in levels]),
        pack_ints([size for _, size in levels]),
    )


def unpack_levels(levels: Levels) -> Iterator[Level]:
    """Turn two columns into levels; raises ValueError where they differ in length."""
    price = unpack_ints(levels.price, levels.count)
    return zip(price, unpack_ints(levels.size, levels.count), strict=True)


def pack_books(events: Sequence[BookEvent]) -> BookBlock:
    """Turn at least one snapshot or delta into columns."""
    ids = [_ids(event) for event in events]
    levels = list(chain.from_iterable(chain(event.bids, event.asks) for event in events))
    return BookBlock(
        runs=pack_runs([event.instrument for event in events]),
        kind=bytes(kind for kind, _, _, _ in ids),
        first=pack_ints([first for _, first, _, _ in ids]),
        last=pack_ints([last for _, _, last, _ in ids]),
        previous=pack_ints([previous for _, _, _, previous in ids if previous is not None]),
        bids=pack_ints([len(event.bids) for event in events]),
        asks=pack_ints([len(event.asks) for event in events]),
        levels=pack_levels(levels),
        exchange_time=pack_ints([event.exchange_time for event in events]),
        received_at=pack_ints([event.received_at for event in events]),
    )


def unpack_books(block: BookBlock) -> Iterator[BookEvent]:
    """Turn columns into book events; raises ValueError where they do not fit together."""
    count = len(block.kind)
    instruments = unpack_runs(block.runs, count)
    levels = unpack_levels(block.levels)
    previous = iter(unpack_ints(block.previous, block.kind.count(_LINKED_DELTA)))
    ints = (block.first, block.last, block.bids, block.asks, block.exchange_time, block.received_at)
    columns = (unpack_ints(column, count) for column in ints)
    for instrument, kind, first, last, bids, asks, matched, received in zip(
        instruments, block.kind, *columns, strict=True
    ):
        sides = tuple(islice(levels, bids)), tuple(islice(levels, asks))
        if kind == _SNAPSHOT:
            yield BookSnapshot(instrument, last, *sides, matched, received)
        else:
            link = next(previous) if kind == _LINKED_DELTA else None
            yield BookDelta(instrument, first, last, link, *sides, matched, received)


def _ids(event: BookEvent) -> tuple[int, int, int, int | None]:
    """Kind, first id, last id and predecessor of an event."""
    if isinstance(event, BookSnapshot):
        return _SNAPSHOT, event.update_id, event.update_id, None
    kind = _DELTA if event.previous_id is None else _LINKED_DELTA
    return kind, event.first_id, event.last_id, event.previous_id
