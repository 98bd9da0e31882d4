"""What was told of one market and is not stored yet, and the minutes that came late trades."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from cloud_marketdata.domain.flow import FlowMinute
from cloud_marketdata.domain.signal import Signal, Subject
from cloud_marketdata.processing.flow.late import mended
from cloud_marketdata.processing.flow.seconds import MINUTE
from cloud_marketdata.storage.flow_ports import FlowRepository
from cloud_marketdata.storage.ports import Stream, TradeRepository

_MOST: Final = 5_000
_MOST_RAW: Final = 250_000


class Unsaved:
    """Minutes by start, signals by id as told last, and late trades by minute."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._minutes: dict[int, FlowMinute] = {}
        self._signals: dict[str, Signal] = {}
        self._late: Counter[int] = Counter()

    @property
    def full(self) -> bool:
        """Whether so much waits that nothing more may be told."""
        return len(self._minutes) + len(self._signals) + len(self._late) >= _MOST

    @property
    def minute(self) -> bool:
        """Whether a minute waits."""
        return bool(self._minutes)

    @property
    def any(self) -> bool:
        """Whether anything waits."""
        return bool(self._minutes or self._signals or self._late)

    def add(
        self, minutes: Sequence[FlowMinute], signals: Sequence[Signal], late: dict[int, int]
    ) -> None:
        """Take what was told; `late` are trades of minutes that were told now or before."""
        self._minutes.update((minute.start, minute) for minute in minutes)
        self._signals.update((signal.id, signal) for signal in signals)
        self._late.update(late)

    async def mend(self, flow: FlowRepository, trades: TradeRepository) -> None:
        """Make the minutes again that late trades came for; each that is done is done for good."""
        for start in sorted(self._late):
            told = self._minutes.get(start) or await self._stored(flow, start)
            if told is not None:
                raw = await trades.find_by_range(
                    self._stream.venue, self._stream.symbol, start, start + MINUTE, limit=_MOST_RAW
                )
                # A part of a minute would be a wrong minute.
                whole = raw if len(raw) < _MOST_RAW else []
                self._minutes[start] = mended(told, whole, self._late[start])
            del self._late[start]

    def content(self) -> tuple[list[FlowMinute], list[Signal]]:
        """Return the minutes, ascending, and the signals."""
        return [self._minutes[start] for start in sorted(self._minutes)], [*self._signals.values()]

    def saved(self) -> None:
        """Note that all of `content` is stored."""
        self._minutes.clear()
        self._signals.clear()

    async def _stored(self, flow: FlowRepository, start: int) -> FlowMinute | None:
        subject = Subject.market(self._stream.venue, self._stream.symbol)
        found = await flow.minutes(subject, start, start + 1)
        return found[0] if found else None
