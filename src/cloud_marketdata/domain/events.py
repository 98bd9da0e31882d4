"""The events that travel from the collectors through the log to the processors.

All times are integer nanoseconds since the Unix epoch. `exchange_time` is the venue's match time,
`received_at` is ours. Prices are ticks and sizes are lots of the event's own instrument.
"""

from enum import StrEnum

from msgspec import Struct

from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.domain.values import NOT_IN_BARS, Side, TradeFlag, Venue

Level = tuple[int, int]
"""Price in ticks and absolute size in lots; size 0 removes the level."""


class TradeEvent(Struct, frozen=True, gc=False):
    """One public trade. Immutable, append-only: every aggregate can be rebuilt from these."""

    instrument: Instrument
    id: int | str
    price: int
    size: int
    side: Side
    exchange_time: int
    received_at: int
    sequence: int
    """Orders trades of equal exchange_time; Binance: the id itself, Bybit: seq and place in it."""
    fills: int = 1
    """Raw fills it stands for: 1, or l - f + 1 of an aggregate trade."""
    flags: int = 0

    @property
    def in_bars(self) -> bool:
        """Whether it belongs into bars, profiles and delta."""
        return not self.flags & NOT_IN_BARS

    @property
    def off_book_kind(self) -> str | None:
        """Why it is kept out of bars, in words, or None."""
        kind = TradeFlag(self.flags) & NOT_IN_BARS
        return (kind.name or "off_book").lower() if kind else None


class BookSnapshot(Struct, frozen=True, gc=False):
    """A whole book (as deep as the venue serves it) at one update id."""

    instrument: Instrument
    update_id: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    exchange_time: int
    received_at: int


class BookDelta(Struct, frozen=True, gc=False):
    """Absolute new sizes of some levels, covering update ids `first_id` to `last_id`.

    `previous_id` is the last id of the message before, where the venue says it (Binance USD-M).
    """

    instrument: Instrument
    first_id: int
    last_id: int
    previous_id: int | None
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    exchange_time: int
    received_at: int


class BestQuote(Struct, frozen=True, gc=False):
    """The venue's own best bid and ask at an update id; used to check the rebuilt book."""

    instrument: Instrument
    update_id: int
    bid: Level
    ask: Level
    received_at: int


class Rejection(Struct, frozen=True, gc=False):
    """Bad input as a value: counted by reason, a sample kept where people can read it."""

    venue: Venue
    reason: str
    detail: str
    sample: bytes
    received_at: int
    symbol: str = ""


class StatusKind(StrEnum):
    """What may happen to a stream besides data."""

    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    TRADE_GAP = "trade_gap"
    BOOK_GAP = "book_gap"
    BOOK_SYNCED = "book_synced"


class StatusEvent(Struct, frozen=True, gc=False):
    """A fact about a stream; it travels through the log like a trade."""

    venue: Venue
    symbol: str
    kind: StatusKind
    received_at: int
    detail: dict[str, int | str] = {}


BookEvent = BookSnapshot | BookDelta
Event = TradeEvent | BookSnapshot | BookDelta | BestQuote | Rejection
LogEvent = TradeEvent | BookSnapshot | BookDelta | StatusEvent
