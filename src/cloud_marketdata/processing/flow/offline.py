"""The analyst without a service: whole streams, or a tape as it arrives, to minutes and signals.

For tests, for scoring and for captures. Everything is released at the end, and the open minute is
told as far as it went.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

from msgspec import Struct

from cloud_marketdata.domain.events import BookDelta, BookSnapshot, LogEvent, TradeEvent
from cloud_marketdata.domain.flow import FlowMinute
from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.domain.signal import Signal, Subject
from cloud_marketdata.domain.values import NS_PER_MS
from cloud_marketdata.processing.flow.late import mended
from cloud_marketdata.processing.flow.merging import Merge
from cloud_marketdata.processing.flow.moments import Fold
from cloud_marketdata.processing.flow.registry import FOLDS
from cloud_marketdata.processing.flow.seconds import MINUTE
from cloud_marketdata.processing.flow.stage import Stage
from cloud_marketdata.storage.ports import Batch, Record, StreamKind

_PAGE = 200
_LATENESS_MS = 2000
_REMEMBERED = 62
_BATCH = 10 * NS_PER_MS


class Analysed(Struct, frozen=True):
    """What a tape came to: minutes by start, signals by their first telling, as told last.

    late: trades that came when their time had been told. warming: folds that were not full.
    """

    minutes: list[FlowMinute]
    signals: list[Signal]
    late: int
    warming: tuple[str, ...]


class TapeAnalysis:
    """Takes batches in the order of their arrival, as a live analyst would."""

    def __init__(
        self,
        instrument: Instrument,
        folds: Iterable[Fold] | None = None,
        *,
        lateness_ms: int = _LATENESS_MS,
    ) -> None:
        made = [fold() for fold in FOLDS] if folds is None else list(folds)
        subject = Subject.market(instrument.venue, instrument.symbol)
        self.merge = Merge(lateness_ms * NS_PER_MS)
        self.stage = Stage(subject, instrument, made)
        self._position = 0
        self._trades: dict[int, list[TradeEvent]] = {}
        self._minutes: dict[int, FlowMinute] = {}
        self._signals: dict[str, Signal] = {}
        self._late = 0

    def take(self, batch: Batch) -> None:
        """Take one log entry."""
        if not self._position:
            for kind in _FACTS_FIRST:
                self.merge.take(kind, (), more=False)
        self._position += 1
        self.take_records(batch.stream.kind, [Record(self._position, batch.events)], more=False)

    def take_records(self, kind: StreamKind, records: Sequence[Record], *, more: bool) -> None:
        """Take a page of one stream; `more` where the stream goes on behind it."""
        if kind is StreamKind.TRADES:
            self._remember(records)
        self.merge.take(kind, records, more=more)
        released = self.merge.release()
        if released:
            self.stage.tell(released)
            self._collect()

    def end(self) -> Analysed:
        """Tell the rest."""
        self.stage.tell(self.merge.drain())
        self.stage.end()
        self._collect()
        minutes = [self._minutes[start] for start in sorted(self._minutes)]
        return Analysed(minutes, list(self._signals.values()), self._late, self.stage.warming)

    def _remember(self, records: Sequence[Record]) -> None:
        """Keep the trades that a late one may need: those of the last minutes."""
        for record in records:
            for trade in record.events:
                assert isinstance(trade, TradeEvent), "a stream of trades holds nothing else"
                minute = trade.exchange_time - trade.exchange_time % MINUTE
                self._trades.setdefault(minute, []).append(trade)
        while len(self._trades) > _REMEMBERED:
            del self._trades[min(self._trades)]

    def _collect(self) -> None:
        minutes, signals = self.stage.take()
        self._minutes.update((minute.start, minute) for minute in minutes)
        self._signals.update((signal.id, signal) for signal in signals)
        for start, count in self.stage.minutes.take_late().items():
            self._late += count
            if start in self._minutes:
                trades = self._trades.get(start, [])
                self._minutes[start] = mended(self._minutes[start], trades, count)


def analyse(
    instrument: Instrument,
    streams: Mapping[StreamKind, Sequence[Record]],
    folds: Iterable[Fold] | None = None,
    *,
    lateness_ms: int = _LATENESS_MS,
    page: int = _PAGE,
) -> Analysed:
    """Analyse whole streams of one market as an analyst that catches up; see `records`.

    folds: begun ones of one's own choice; without any, a new one of each that is registered.
    """
    analysis = TapeAnalysis(instrument, folds, lateness_ms=lateness_ms)
    unread = {kind: iter(streams.get(kind, ())) for kind in _FACTS_FIRST}
    while unread:
        for kind in list(unread):
            if not analysis.merge.wants(kind):
                continue
            found = list(islice(unread[kind], page))
            analysis.take_records(kind, found, more=len(found) == page)
            if len(found) < page:
                del unread[kind]
    return analysis.end()


def records(events: Iterable[LogEvent], size: int = 50) -> dict[StreamKind, list[Record]]:
    """Put events of one market, in the order of their arrival, into log entries of three streams.

    An entry holds at most `size` events, and those alone that came within ten milliseconds.
    """
    streams: dict[StreamKind, list[Record]] = {kind: [] for kind in StreamKind}
    entries: dict[StreamKind, list[LogEvent]] = {}
    for event in events:
        kind = _kind(event)
        entry = entries.get(kind)
        if not entry or len(entry) >= size or event.received_at - entry[0].received_at > _BATCH:
            entry = entries[kind] = []
            streams[kind].append(Record(len(streams[kind]) + 1, entry))
        entry.append(event)
    return streams


_FACTS_FIRST = (StreamKind.STATUS, StreamKind.BOOK, StreamKind.TRADES)


def _kind(event: LogEvent) -> StreamKind:
    if isinstance(event, TradeEvent):
        return StreamKind.TRADES
    return StreamKind.BOOK if isinstance(event, BookSnapshot | BookDelta) else StreamKind.STATUS
