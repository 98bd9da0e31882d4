"""Flow minutes and signals as bytes, their fields by name, their instrument packed once inside.

Sums of ticks x lots outgrow 64 bits, which msgpack's integers do not: such a one goes as an
extension of its own. A field that was added later takes its default when older bytes are read.
"""

from typing import Any, Final

import msgspec
from msgspec.structs import asdict

from cloud_marketdata.domain.flow import FlowMinute
from cloud_marketdata.domain.signal import Signal
from cloud_marketdata.storage.packing.envelope import (
    pack_instrument,
    reading,
    seal,
    unpack_instrument,
    unseal,
)

_WIDE: Final = 1
_LEAST, _MOST = -(2**63), 2**64 - 1


class Figures(msgspec.Struct, frozen=True):
    """A flow minute without its instrument; msgspec allows one type of list where it has two."""

    start: int
    readings: dict[str, dict[str, int | float | str | bool | list[int | float] | None]]
    book_ms: int = 0
    warming: tuple[str, ...] = ()
    late: int = 0
    revision: int = 0


class FlowBlock(msgspec.Struct, array_like=True):
    """An instrument and the fields of what is counted on its grid."""

    instrument: bytes
    fields: dict[str, Any]


def pack_minute(minute: FlowMinute) -> bytes:
    """Encode a flow minute."""
    return _packed(minute)


def unpack_minute(data: bytes) -> FlowMinute:
    """Decode what `pack_minute` wrote; raises StorageError on an unknown version or damage."""
    block = unseal(data, _decoder)
    with reading():
        figures = asdict(msgspec.convert(block.fields, Figures))
        return FlowMinute(instrument=unpack_instrument(block.instrument), **figures)


def pack_signal(signal: Signal) -> bytes:
    """Encode a signal."""
    return _packed(signal)


def unpack_signal(data: bytes) -> Signal:
    """Decode what `pack_signal` wrote; raises StorageError on an unknown version or damage."""
    block = unseal(data, _decoder)
    with reading():
        instrument = unpack_instrument(block.instrument)
        return msgspec.convert({**block.fields, "instrument": instrument}, Signal)


def _packed(counted: FlowMinute | Signal) -> bytes:
    fields = asdict(counted)
    del fields["instrument"]
    return seal(FlowBlock(pack_instrument(counted.instrument), _narrow(fields)))


def _narrow(value: Any) -> Any:  # noqa: ANN401  # whatever a reading or a detail may hold
    """Return the value with every integer that msgpack cannot hold as an extension."""
    kind = type(value)
    if kind is dict:
        return {name: _narrow(inner) for name, inner in value.items()}
    if kind is list:
        return list(map(_narrow, value))
    if kind is int and not _LEAST <= value <= _MOST:
        return msgspec.msgpack.Ext(_WIDE, str(value).encode())
    return value


def _widened(code: int, data: memoryview) -> int:
    if code != _WIDE:
        msg = f"an extension of an unknown kind, {code}"
        raise ValueError(msg)
    return int(bytes(data))


_decoder = msgspec.msgpack.Decoder(FlowBlock, ext_hook=_widened)
