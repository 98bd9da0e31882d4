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


class TapeDoubt(Struct, frozen=True, gc=False):
    """The venue's own hints contradict the order of its trades: one was lost or misplaced.

    `start` and `end` are the match times of the two trades between which it must have been.
    """

    instrument: Instrument
    start: int
    end: int
    reason: str


class Rejection(Struct, frozen=True, gc=False):
    """Bad input as a value: counted by reason, a sample kept where people can read it."""

    venue: Venue
    reason: str
    detail: str
    sample: bytes
    received_at: int
    symbol: str = ""


class StatusKind(StrEnum):
    """What may happen to a symbol's streams besides data.

    The coverage ledger is folded from these; `detail` holds what is named in brackets, times in ms.
    started: a collector begins, and knows nothing of the time since its last word.
    connected, disconnected: one socket [connection].
    alive: said every few seconds [trades: 1 while a connection brings them, book: its state].
    trades_lost: no connection brings trades any more [since_ms: when the last one was heard].
    trade_gap: trades are missing, proven by ids, or must be feared after a broken connection
        [after_id, before_id, from_ms, to_ms; missing: how many, where ids prove it].
    trades_repaired: a gap was filled, all of it [as trade_gap; filled: how many].
    trades_unrepaired: filling a gap ended without proof [as trade_gap; filled, reason].
    trades_doubted: the venue's own hints contradict the tape [from_ms, to_ms, reason].
    book_synced: the book may be believed from here on [update_id].
    book_gap: its stream has a hole [found_at: the update id behind it, since_ms: when the message
        before it was heard].
    book_lost: no connection has a book that may be believed [since_ms, reason].
    """

    STARTED = "started"
    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    ALIVE = "alive"
    TRADES_LOST = "trades_lost"
    TRADE_GAP = "trade_gap"
    TRADES_REPAIRED = "trades_repaired"
    TRADES_UNREPAIRED = "trades_unrepaired"
    TRADES_DOUBTED = "trades_doubted"
    BOOK_SYNCED = "book_synced"
    BOOK_GAP = "book_gap"
    BOOK_LOST = "book_lost"


class StatusEvent(Struct, frozen=True, gc=False):
    """A fact about a stream; it travels through the log like a trade."""

    venue: Venue
    symbol: str
    kind: StatusKind
    received_at: int
    detail: dict[str, int | str] = {}


BookEvent = BookSnapshot | BookDelta
Event = TradeEvent | BookSnapshot | BookDelta | BestQuote | TapeDoubt | Rejection
LogEvent = TradeEvent | BookSnapshot | BookDelta | StatusEvent
