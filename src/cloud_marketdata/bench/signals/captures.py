"""What is told on recordings of real markets: at most false alarms, for nobody labelled them.

A recording is the files of one venue on days that follow each other. Recordings here last minutes,
so that baselines of an hour are never full; which detectors were silent for that is said with it.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from msgspec import Struct

from cloud_marketdata.bench.signals.wire import Wire
from cloud_marketdata.domain.events import StatusEvent
from cloud_marketdata.domain.signal import SignalKind
from cloud_marketdata.domain.values import NS_PER_S, Venue
from cloud_marketdata.processing.flow.offline import TapeAnalysis
from cloud_marketdata.replay.instruments import read_instruments
from cloud_marketdata.simulator.capture import read_capture
from cloud_marketdata.storage.ports import Batch

VENUES: Final = {
    "usdm": Venue.BINANCE_USDM,
    "spot": Venue.BINANCE_SPOT,
    "bybit_linear": Venue.BYBIT_LINEAR,
}
_NAME: Final = re.compile(rf"({'|'.join(VENUES)})_(?:[a-z]+_)?(\d{{8}})(?:_\w+)?\.gz")


class Recorded(Struct, frozen=True):
    """One symbol of one recording: how long it was watched, and how often what was told."""

    venue: Venue
    symbol: str
    day: date
    seconds: float
    told: dict[SignalKind, int]
    warming: tuple[str, ...]


class Symbol:
    """The analysis of one symbol; it begins once the symbol's grid is known."""

    def __init__(self) -> None:
        self.first = self.last = 0
        self._waiting: list[Batch] = []
        self.analysis: TapeAnalysis | None = None

    def take(self, batch: Batch) -> None:
        """Take a log entry."""
        event = batch.events[0]
        if self.analysis is None and not isinstance(event, StatusEvent):
            self.analysis = TapeAnalysis(event.instrument)
        self.last = batch.events[-1].received_at
        self.first = self.first or self.last
        self._waiting.append(batch)
        if self.analysis:
            for one in self._waiting:
                self.analysis.take(one)
            self._waiting = []


def recordings(folder: Path) -> list[tuple[Venue, date, list[Path]]]:
    """Return the recordings in a folder, each with its venue, first day and files in order."""
    named = [(match, path) for path in folder.glob("*.gz") if (match := _NAME.fullmatch(path.name))]
    days = sorted((m[1], date.fromisoformat(m[2]), path) for m, path in named)
    made: list[tuple[Venue, date, list[Path]]] = []
    last: tuple[str, date] | None = None
    for kind, day, path in days:
        if last == (kind, day - timedelta(days=1)):
            made[-1][2].append(path)
        else:
            made.append((VENUES[kind], day, [path]))
        last = (kind, day)
    return made


def on_captures(folder: Path) -> Iterator[Recorded]:
    """Yield every symbol of every recording, analysed with every registered fold."""
    for venue, day, paths in recordings(folder):
        listed = folder / "instruments.json"
        wire = Wire(venue, read_instruments(listed, venue) if listed.exists() else [], _nobody)
        symbols: dict[str, Symbol] = {}
        for batch in wire.batches(read_capture(paths)):
            symbols.setdefault(batch.stream.symbol, Symbol()).take(batch)
        yield from _recorded(venue, day, symbols.items())


def _recorded(venue: Venue, day: date, symbols: Iterable[tuple[str, Symbol]]) -> Iterator[Recorded]:
    for name, symbol in sorted(symbols, key=lambda each: each[0]):
        if symbol.analysis:
            analysed = symbol.analysis.end()
            told = dict(Counter(signal.kind for signal in analysed.signals))
            seconds = (symbol.last - symbol.first) / NS_PER_S
            yield Recorded(venue, name, day, seconds, told, analysed.warming)


def _nobody() -> None:
    """Answer for a venue that is not there."""
