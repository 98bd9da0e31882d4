"""What a venue must say, and nothing of how it is carried: it holds no socket and reads no clock.

BaseCollector
├── BybitCollector    (venues/bybit.py)      each one composed of a TradesCollector
└── BinanceCollector  (venues/binance.py)    and an OrderbookCollector of its venue
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterable, Sequence
from enum import StrEnum
from typing import ClassVar, NamedTuple, Protocol, TypeVar

from msgspec import DecodeError, Raw, Struct

from cloud_marketdata.collectors.lanes.rulers import Rulers, UnknownSymbolError
from cloud_marketdata.collectors.lanes.sequence import BookRule
from cloud_marketdata.collectors.ranking import Ranked
from cloud_marketdata.collectors.tapes.gaps import TradeGap
from cloud_marketdata.domain.events import BookSnapshot, Event, Rejection, TradeEvent
from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.domain.values import BadNumberError, Venue
from cloud_marketdata.storage.ports import StreamKind


class ControlKind(StrEnum):
    """What a frame without market data may mean; UNREAD follows one that may have held trades."""

    ACK = "ack"
    REFUSED = "refused"
    PONG = "pong"
    SHUTDOWN = "shutdown"
    SILENT = "silent"
    UNREAD = "unread"


class Control(Struct, frozen=True):
    """A frame that carries no event: an answer to us, a notice, or a stream we do not use.

    `ref` names the command that it answers, where it answers one.
    """

    kind: ControlKind
    detail: str = ""
    ref: str = ""


Decoded = Event | Control


class Topic(NamedTuple):
    """One stream: its name at the venue, and what it brings."""

    name: str
    symbol: str
    kind: StreamKind


class Connection(NamedTuple):
    """One socket to open: its path below the venue's base URL and the topics it carries."""

    name: str
    path: str
    topics: tuple[Topic, ...]


class Command(NamedTuple):
    """A message to the venue about topics; `ref` comes back in its answer."""

    ref: str
    payload: bytes
    topics: tuple[str, ...]


class Ask(NamedTuple):
    """One REST question: its path below the venue's base URL, and its weight in the budget.

    One that is `spare` may use only half of the budget, because others are more urgent.
    """

    path: str
    weight: int = 1
    spare: bool = False


T = TypeVar("T")
Questions = Generator[Ask, bytes, T]
"""Questions that depend on each other: each yields for its answer, the end returns the result."""


class Limits(NamedTuple):
    """What a venue lets one address do: `weight` of REST in each window, and sends to a socket.

    `commands_per_s` counts everything a connection sends, pongs included.
    """

    weight: int
    window_s: float
    commands_per_s: int


class Heartbeat(NamedTuple):
    """What the venue wants to hear from us, and how often."""

    payload: bytes
    every_s: float


class Part(Protocol):
    """The trades or the order books of a venue."""

    rulers: Rulers

    def topic(self, symbol: str) -> str:
        """Name of the stream that carries this symbol."""
        ...


class TradesCollector(Part, Protocol):
    """A venue's trades: topic and decoding of one wire message."""


class OrderbookCollector(Part, Protocol):
    """A venue's order books: topic, decoding, continuity rule."""

    rule: BookRule


class BaseCollector(ABC):
    """One venue for the length of one connection; its decoding state dies with it."""

    venue: ClassVar[Venue]
    limits: ClassVar[Limits]
    topics_max: ClassVar[int]
    """Topics that one connection carries at most."""
    snapshot_levels: ClassVar[int | None] = None
    """Levels a side that a snapshot is asked for; None where it comes whole, in the stream."""
    heartbeat: ClassVar[Heartbeat | None] = None
    trades_kept_s: ClassVar[float | None] = None
    """For how long the venue answers questions about a trade, where it says so."""
    trades: TradesCollector
    books: OrderbookCollector

    @abstractmethod
    def connections(self, symbols: Sequence[str]) -> list[Connection]:
        """Return the sockets that together carry trades and books of these symbols.

        One for each path; `fleet` divides one that has more topics than a socket may carry.
        """

    @abstractmethod
    def subscribe(self, topics: Sequence[str]) -> list[Command]:
        """Return the commands that ask for topics; each has a ref of its own."""

    @abstractmethod
    def unsubscribe(self, topics: Sequence[str]) -> list[Command]:
        """Return the commands that end topics."""

    @abstractmethod
    def ticker(self, symbol: str) -> str | None:
        """Return the topic of best quotes whose ids can be compared with the book's, if any."""

    @abstractmethod
    def decode(self, payload: bytes, received_at: int) -> Sequence[Decoded]:
        """Turn one frame into events, rejections and control notes. Never raises on any bytes."""

    @abstractmethod
    def snapshot_ask(self, symbol: str) -> Ask:
        """Return the question for a book snapshot; raises LookupError where the stream has it."""

    @abstractmethod
    def decode_snapshot(
        self, symbol: str, body: bytes, received_at: int
    ) -> BookSnapshot | Rejection:
        """Turn a REST book into a snapshot event."""

    @abstractmethod
    def newest_book_ask(self, symbol: str) -> Ask:
        """Return the cheapest question for the book; raises LookupError as snapshot_ask does."""

    @abstractmethod
    def trades_ask(self, symbol: str, gap: TradeGap) -> Ask:
        """Return the question for the first trades of a gap.

        Raises LookupError, whose text says why, where the venue answers none.
        """

    @abstractmethod
    def decode_trades(
        self, symbol: str, body: bytes, received_at: int
    ) -> list[TradeEvent | Rejection]:
        """Turn the answer to `trades_ask` into the events that the stream makes, ascending.

        A body that is no answer is one rejection.
        """

    @abstractmethod
    def newest_trade_ask(self, symbol: str) -> Ask:
        """Return the cheapest question for the newest trade, answered to decode_newest."""

    @abstractmethod
    def decode_newest(self, body: bytes) -> int:
        """Return the match time of the newest trade in ns, 0 without any; raises VenueError."""

    @classmethod
    @abstractmethod
    def instrument_asks(cls, symbols: Sequence[str]) -> list[Ask]:
        """Return the questions that together tell tick and lot of these symbols."""

    @classmethod
    @abstractmethod
    def decode_instruments(cls, body: bytes) -> list[Instrument]:
        """Read one such answer; a symbol the venue does not list is simply not in it.

        Raises VenueError when the body is no answer to the question.
        """

    @classmethod
    @abstractmethod
    def ranking(cls) -> Questions[list[Ranked]]:
        """Ask for the volume of every symbol that trades now, in no order.

        Raises VenueError when an answer is none.
        """

    def topics_of(self, symbols: Sequence[str], *kinds: StreamKind) -> tuple[Topic, ...]:
        """Return the topics of these kinds."""
        parts: dict[StreamKind, Part] = {
            StreamKind.TRADES: self.trades,
            StreamKind.BOOK: self.books,
        }
        return tuple(
            Topic(parts[kind].topic(symbol), symbol, kind) for kind in kinds for symbol in symbols
        )

    def read_rows(
        self, rows: Iterable[Raw], read: Callable[[Raw], TradeEvent], received_at: int
    ) -> list[TradeEvent | Rejection]:
        """Read rows one by one, so that a bad one does not take its neighbours along."""

        def one(row: Raw) -> TradeEvent | Rejection:
            try:
                return read(row)
            except (DecodeError, UnicodeDecodeError) as error:
                return self.reject("schema", str(error), bytes(row), received_at)
            except UnknownSymbolError as error:
                return self.reject("unknown_symbol", str(error), bytes(row), received_at)
            except BadNumberError as error:
                return self.reject("bad_number", str(error), bytes(row), received_at)

        return [one(row) for row in rows]

    def reject(self, reason: str, detail: str, sample: bytes, at: int) -> Rejection:
        """Make a rejection with a bounded sample."""
        return Rejection(self.venue, reason, detail[:300], sample[:500], at)


def unknown(symbols: Iterable[str], instruments: Iterable[Instrument]) -> list[str]:
    """Return the symbols that the venue does not list."""
    listed = {instrument.symbol for instrument in instruments}
    return [symbol for symbol in symbols if symbol not in listed]
