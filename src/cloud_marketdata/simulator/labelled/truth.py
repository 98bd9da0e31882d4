"""What was planted, or happened by chance, in words a scorer can hold signals against.

Times are ns as the venue stamps them. The kinds are those of signals, because that is what they
are held against; whether anything finds them is nobody's business here.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec import Struct

from cloud_marketdata.domain.signal import SignalKind
from cloud_marketdata.domain.values import Side, Venue


class Zone(NamedTuple):
    """Where something happened: the lowest and highest price in ticks, and lots."""

    low: int
    high: int
    lots: int = 0


class Truth(Struct, frozen=True, omit_defaults=True):
    """One event that is certainly in the tape.

    size: how strong, in the unit of its kind, such as `x10` or `20 bp`.
    side: of the takers. `first_id` and `last_id` name its trades, where it has any, by number; on
    Bybit linear the wire names trades otherwise.
    also: kinds that it may cause besides; a signal of theirs during it says nothing wrong. Its own
    kind is among them where it is told by more than one rule or of more than one stream.
    natural: nobody planted it; the market did by chance what the kind's definition names.
    """

    kind: SignalKind
    size: str
    start: int
    end: int
    side: Side | None = None
    zone: Zone | None = None
    first_id: int | None = None
    last_id: int | None = None
    also: tuple[SignalKind, ...] = ()
    natural: bool = False


class Line(Struct, frozen=True):
    """One line of a file of truths: what happened, and in which market."""

    venue: Venue
    symbol: str
    truth: Truth


class TruthFile:
    """Truths as JSON lines in a file, each there as soon as its event is over."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._path.write_bytes(b"")

    def append(self, line: Line) -> None:
        """Write one line."""
        with self._path.open("ab") as file:
            file.write(msgspec.json.encode(line) + b"\n")


def read_truths(lines: Iterable[bytes]) -> list[Line]:
    """Return the truths of JSON lines; raises msgspec.DecodeError where one is none."""
    decoder = msgspec.json.Decoder(Line)
    return [decoder.decode(line) for line in lines if line.strip()]
