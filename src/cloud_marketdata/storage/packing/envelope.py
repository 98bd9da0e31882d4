"""The frame around all packed bytes: a version byte, then msgpack.

Instruments inside are interned: equal ones come out as the same object, because the fold compares
them by identity before it compares scales. Whatever cannot be read raises StorageError.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import groupby
from typing import Any

import msgspec

from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.domain.instrument import Instrument

VERSION = 1

Runs = list[tuple[bytes, int]]
"""Packed instruments, each with the number of consecutive events that share it."""

_encoder = msgspec.msgpack.Encoder()
_instruments = msgspec.msgpack.Decoder(Instrument)


def seal(body: Any) -> bytes:  # noqa: ANN401  # any struct of this package may be the body
    """Encode a body behind the version byte."""
    return bytes((VERSION,)) + _encoder.encode(body)


def unseal(data: bytes, decoder: Any) -> Any:  # noqa: ANN401  # as the decoder says
    """Decode what `seal` wrote; raises StorageError on another version or broken bytes."""
    if not data or data[0] != VERSION:
        found = data[0] if data else "nothing"
        msg = f"packed bytes of version {found}, this program reads version {VERSION}"
        raise StorageError(msg)
    with reading():
        return decoder.decode(memoryview(data)[1:])


@contextmanager
def reading() -> Iterator[None]:
    """Turn whatever broken bytes raise while they are read into StorageError."""
    try:
        yield
    except (msgspec.MsgspecError, ValueError, IndexError, ArithmeticError) as error:
        msg = f"packed bytes are broken: {error}"
        raise StorageError(msg) from error


def pack_instrument(instrument: Instrument) -> bytes:
    """Encode an instrument, keeping the number of decimals its tick and lot are written with."""
    return _encoder.encode(instrument)


@lru_cache(maxsize=4096)
def unpack_instrument(data: bytes) -> Instrument:
    """Decode an instrument; equal bytes give the same object."""
    return _instruments.decode(data)


def pack_runs(instruments: Sequence[Instrument]) -> Runs:
    """Encode one instrument an event, naming it once for all its neighbours that share it."""
    if instruments.count(instruments[0]) == len(instruments):
        return [(pack_instrument(instruments[0]), len(instruments))]
    packed = map(pack_instrument, instruments)
    return [(data, len(list(same))) for data, same in groupby(packed)]


def unpack_runs(runs: Runs, count: int) -> list[Instrument]:
    """Decode to one instrument an event; raises ValueError unless there are `count` events."""
    if sum(same for _, same in runs) != count or any(same < 1 for _, same in runs):
        msg = f"instruments of another number of events than {count}"
        raise ValueError(msg)
    instruments: list[Instrument] = []
    for data, same in runs:
        instruments += [unpack_instrument(data)] * same
    return instruments
