"""Flow minutes and signals come out of their bytes as they went in, and broken bytes are told."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.domain.flow import FlowMinute
from cloud_marketdata.domain.instrument import Instrument, Scale
from cloud_marketdata.domain.signal import Evidence, Severity, Signal, SignalKind, SignalState
from cloud_marketdata.domain.values import Side, Venue
from cloud_marketdata.storage.packing.flow import (
    pack_minute,
    pack_signal,
    unpack_minute,
    unpack_signal,
)

BTC = Instrument(Venue.BYBIT_SPOT, "BTCUSDT", Scale(Decimal("0.10"), Decimal("0.000001")))
INT = st.integers(-(2**200), 2**200) | st.integers(2**63 - 1, 2**64 + 1)
FLOAT = st.floats(allow_nan=False)
PLAIN = INT | FLOAT | st.text(max_size=5) | st.booleans()
FIGURE = PLAIN | st.none() | st.lists(INT, max_size=3) | st.lists(FLOAT, max_size=3)
TIME = st.integers(0, 2**62)
MINUTES = st.builds(
    FlowMinute,
    instrument=st.just(BTC),
    start=TIME,
    readings=st.dictionaries(
        st.text(max_size=5), st.dictionaries(st.text(max_size=5), FIGURE, max_size=3), max_size=3
    ),
    book_ms=st.integers(0, 60_000),
    warming=st.lists(st.text(max_size=5), max_size=3).map(tuple),
    late=st.integers(0, 9),
    revision=st.integers(0, 9),
)
SIGNALS = st.builds(
    Signal,
    id=st.text(),
    kind=st.sampled_from(SignalKind),
    instrument=st.just(BTC),
    start=TIME,
    detected=TIME,
    end=TIME | st.none(),
    state=st.sampled_from(SignalState),
    severity=st.sampled_from(Severity),
    statistic=FLOAT | st.none(),
    threshold=FLOAT | st.none(),
    baseline=FLOAT | st.none(),
    detector=st.text(max_size=5),
    version=st.integers(1, 9),
    evidence=st.builds(Evidence, TIME | st.text() | st.none(), TIME | st.text() | st.none(), TIME),
    side=st.sampled_from(Side) | st.none(),
    low=INT | st.none(),
    high=INT | st.none(),
    size=INT | st.none(),
    affects=st.lists(st.text(max_size=5), max_size=3).map(tuple),
    detail=st.dictionaries(st.text(max_size=5), PLAIN, max_size=3),
    revision=st.integers(0, 9),
)


def _types(value: object) -> object:
    """Return the types inside, because True equals 1 and 1.0 does too."""
    if isinstance(value, dict):
        return {name: _types(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_types(inner) for inner in value]
    return type(value)


@given(MINUTES)
def test_a_minute_comes_out_as_it_went_in(minute):
    out = unpack_minute(pack_minute(minute))

    assert out == minute
    assert _types(out.readings) == _types(minute.readings)


@given(SIGNALS)
def test_a_signal_comes_out_as_it_went_in(signal):
    out = unpack_signal(pack_signal(signal))

    assert out == signal
    assert _types(out.detail) == _types(signal.detail)


@given(MINUTES, st.data())
def test_bytes_that_are_cut_short_are_refused(minute, data):
    packed = pack_minute(minute)
    cut = data.draw(st.integers(0, len(packed) - 1))

    with pytest.raises(StorageError):
        unpack_minute(packed[:cut])
    with pytest.raises(StorageError):
        unpack_signal(packed[:cut])


@given(SIGNALS, st.binary(max_size=40))
def test_whatever_the_bytes_are_only_a_storage_error_comes_of_them(signal, noise):
    packed = pack_signal(signal)
    for broken in (noise, b"\x01" + noise, packed[: len(packed) // 2] + noise):
        for unpack in (unpack_minute, unpack_signal):
            try:
                unpack(broken)
            except StorageError:
                continue


def test_a_minute_is_no_signal_and_a_signal_no_minute():
    minute = pack_minute(FlowMinute(BTC, 0, {}))
    with pytest.raises(StorageError):
        unpack_signal(minute)


def test_fields_that_came_later_take_their_defaults_when_older_bytes_are_read():
    kept = msgspec.msgpack.decode(pack_minute(FlowMinute(BTC, 60, {}, late=4))[1:])
    for name in ("book_ms", "warming", "late", "revision"):
        del kept[1][name]

    older = b"\x01" + msgspec.msgpack.encode(kept)
    assert unpack_minute(older) == FlowMinute(BTC, 60, {})
