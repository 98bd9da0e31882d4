"""What a venue must say, and nothing of how it is carried: it holds no socket and reads no clock.

BaseCollector
├── BybitCollector    (venues/bybit.py)      each one composed of a TradesCollector
└── BinanceCollector  (venues/binance.py)    and an OrderbookCollector of its venue
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import ClassVar, NamedTuple, Protocol

from msgspec import Struct

from cloud_marketdata.collectors.rulers import Rulers
from cloud_marketdata.collectors.sequence import BookRule
from cloud_marketdata.domain.events import BookSnapshot, Event, Rejection
from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.domain.values import Venue


class ControlKind(StrEnum):
    """What a frame without market data may mean."""

    ACK = "ack"
    REFUSED = "refused"
    PONG = "pong"
    SHUTDOWN = "shutdown"
    SILENT = "silent"


class Control(Struct, frozen=True):
    """A frame that carries no event: an answer to us, a notice, or a stream we do not use."""

    kind: ControlKind
    detail: str = ""


Decoded = Event | Control


class Connection(NamedTuple):
    """One socket to open: its path below the venue's base URL and what to send once it is open."""

    name: str
    path: str
    topics: tuple[str, ...]
    subscribe: tuple[bytes, ...]


class Ask(NamedTuple):
    """One REST question: its path below the venue's base URL, and its weight in the budget."""

    path: str
    weight: int = 1


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
    heartbeat: ClassVar[Heartbeat | None] = None
    trades: TradesCollector
    books: OrderbookCollector

    @abstractmethod
    def connections(self, symbols: Sequence[str]) -> list[Connection]:
        """Return the sockets that together carry trades and books of these symbols."""

    @abstractmethod
    def resubscribe(self, symbol: str) -> tuple[bytes, ...]:
        """Return messages that make the venue send a fresh book snapshot in the stream, if any."""

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

    def reject(self, reason: str, detail: str, sample: bytes, at: int) -> Rejection:
        """Make a rejection with a bounded sample."""
        return Rejection(self.venue, reason, detail[:300], sample[:500], at)


def unknown(symbols: Iterable[str], instruments: Iterable[Instrument]) -> list[str]:
    """Return the symbols that the venue does not list."""
    listed = {instrument.symbol for instrument in instruments}
    return [symbol for symbol in symbols if symbol not in listed]
