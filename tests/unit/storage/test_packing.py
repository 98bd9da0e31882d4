"""Packed bytes give back what went in, exactly, or are refused."""

from decimal import Decimal
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from storage_strategies import (
    deltas,
    folded,
    instruments,
    snapshots,
    statuses,
    tapes,
    trades,
    views,
)

from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.domain.events import BookDelta, StatusEvent, StatusKind, TradeEvent
from cloud_marketdata.domain.instrument import Instrument, Scale
from cloud_marketdata.domain.values import Side, Venue
from cloud_marketdata.storage.packing import (
    pack_aggregate,
    pack_events,
    pack_view,
    unpack_aggregate,
    unpack_events,
    unpack_view,
)
from cloud_marketdata.storage.ports import BookState, BookView

BTC = Instrument(Venue.BINANCE_SPOT, "BTCUSDT", Scale(Decimal("0.01"), Decimal("0.00001")))


def _tape(count: int, *, text_ids: bool = False) -> list[TradeEvent]:
    random = Random(7)  # noqa: S311  # a seed makes the case repeatable
    first, start = 3_700_000_000, 1_723_000_000_000_000_000
    return [
        TradeEvent(
            BTC,
            f"{random.getrandbits(128):032x}" if text_ids else first + n,
            6_100_000 + random.randrange(900),
            random.randrange(1, 10**7),
            random.choice((Side.BUY, Side.SELL)),
            start + n * 1_000_000,
            start + n * 1_000_000 + random.randrange(10**7),
            first + n,
        )
        for n in range(count)
    ]


@given(st.lists(trades, min_size=1, max_size=12))
def test_trades_come_back_as_they_went_in(batch):
    assert unpack_events(pack_events(batch)) == batch


@given(tapes().filter(bool))
def test_trades_of_one_instrument_come_back_as_they_went_in(tape):
    assert unpack_events(pack_events(tape)) == tape


@given(st.lists(snapshots | deltas, min_size=1, max_size=8))
def test_snapshots_and_deltas_come_back_in_their_order(batch):
    assert unpack_events(pack_events(batch)) == batch


@given(st.lists(statuses, min_size=1, max_size=5))
def test_status_facts_come_back_as_they_went_in(batch):
    assert unpack_events(pack_events(batch)) == batch


@given(views)
def test_a_book_view_comes_back_as_it_went_in(view):
    assert unpack_view(pack_view(view)) == view


@given(tapes(), instruments, st.integers(0, 2**62), st.booleans())
def test_an_aggregate_comes_back_as_it_went_in(tape, empty_of, position, final):
    made = folded(tape, tape[0].instrument if tape else empty_of)
    made.position, made.final, made.revision, made.late = position, final, 4, 5

    back = unpack_aggregate(pack_aggregate(made))

    for name in type(made).__slots__:
        assert getattr(back, name) == getattr(made, name), name


@given(tapes().filter(bool), st.randoms(use_true_random=False))
def test_equal_aggregates_pack_to_equal_bytes(tape, random):
    shuffled = random.sample(tape, len(tape))
    instrument = tape[0].instrument

    assert pack_aggregate(folded(tape, instrument)) == pack_aggregate(folded(shuffled, instrument))


def test_the_decimals_of_tick_and_lot_come_back():
    ten = Instrument(Venue.BYBIT_SPOT, "AUSDT", Scale(Decimal("0.10"), Decimal("1E+2")))
    (back,) = unpack_events(pack_events([TradeEvent(ten, 1, 2, 3, Side.BUY, 4, 5, 6)]))

    assert [str(back.instrument.scale.tick), str(back.instrument.scale.lot)] == ["0.10", "1E+2"]


def test_equal_instruments_come_back_as_one_object():
    blocks = [pack_events(_tape(3)), pack_events(_tape(2)), pack_aggregate(folded(_tape(1), BTC))]
    first, second = (unpack_events(block) for block in blocks[:2])

    assert {id(one.instrument) for one in first + second} == {id(first[0].instrument)}
    assert unpack_aggregate(blocks[2]).instrument is first[0].instrument


def test_a_block_of_ordinary_trades_is_small():
    assert len(pack_events(_tape(500))) < 500 * 36
    assert len(pack_events(_tape(500, text_ids=True))) < 500 * 80


@pytest.mark.parametrize(
    "batch", [[], [_tape(1)[0], StatusEvent(BTC.venue, "BTCUSDT", StatusKind.CONNECTED, 1)]]
)
def test_a_batch_that_is_not_of_one_kind_is_refused(batch):
    with pytest.raises(ValueError, match="events of one kind"):
        pack_events(batch)


@pytest.mark.parametrize("unpack", [unpack_events, unpack_aggregate, unpack_view])
@pytest.mark.parametrize("data", [b"", b"\x00", b"\x02" + pack_events(_tape(1))[1:]])
def test_an_unknown_version_is_refused(unpack, data):
    with pytest.raises(StorageError, match="version"):
        unpack(data)


@pytest.mark.parametrize("unpack", [unpack_aggregate, unpack_view])
def test_a_block_of_another_kind_is_refused(unpack):
    with pytest.raises(StorageError, match="broken"):
        unpack(pack_events(_tape(3)))


def _blocks() -> list[pytest.ParameterSet]:
    tape = _tape(20)
    delta = BookDelta(BTC, 8, 9, 7, ((1, 2), (3, 4)), ((5, 0),), 12, 13)
    view = BookView(BTC, BookState.SYNCED, 9, 1, 2, ((9, 1), (8, 1)), ((10, 3),))
    fact = StatusEvent(BTC.venue, "BTCUSDT", StatusKind.CONNECTED, 1)
    return [
        pytest.param(unpack_events, pack_events(tape), id="trades"),
        pytest.param(unpack_events, pack_events(_tape(9, text_ids=True)), id="text ids"),
        pytest.param(unpack_events, pack_events([delta, delta]), id="book"),
        pytest.param(unpack_events, pack_events([fact]), id="status"),
        pytest.param(unpack_view, pack_view(view), id="view"),
        pytest.param(unpack_aggregate, pack_aggregate(folded(tape, BTC)), id="aggregate"),
    ]


@pytest.mark.parametrize(("unpack", "whole"), _blocks())
def test_cut_or_changed_bytes_are_refused_or_read_but_never_crash(unpack, whole):
    refused = 0
    for at in range(len(whole)):
        flipped = [
            whole[:at] + bytes([whole[at] ^ mask]) + whole[at + 1 :] for mask in (1, 64, 255)
        ]
        for data in (whole[:at], *flipped):
            try:
                unpack(data)
            except StorageError:
                refused += 1

    # Every cut is refused; a flipped bit inside a number is not told from another number.
    assert refused >= len(whole)
