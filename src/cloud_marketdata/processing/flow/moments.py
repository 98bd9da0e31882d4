"""What folds are told of a market, in the order of its own time, and what a fold is.

Per-trade work is done once, where trades become clusters; every fold lives on clusters, book
changes and seconds, of which there are far fewer.
"""

from collections.abc import Iterable
from typing import ClassVar, NamedTuple, Self

from msgspec import Struct

from cloud_marketdata.domain.book import OrderBook
from cloud_marketdata.domain.events import BookDelta, BookSnapshot, StatusEvent
from cloud_marketdata.domain.flow import Reading
from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.domain.signal import Signal, Subject
from cloud_marketdata.domain.values import Side


class Cluster(Struct, frozen=True, gc=False):
    """One taker order as the tape shows it: consecutive trades of equal match time and side.

    Of Bybit: of equal venue sequence and side. Only trades that belong into bars are inside.
    prices: (ticks, lots) by distinct price, in the order they were hit. quote: ticks x lots.
    rpi: lots that were matched against orders outside the public book.
    """

    time: int
    received_at: int
    side: Side
    first_id: int | str
    last_id: int | str
    trades: int
    fills: int
    lots: int
    quote: int
    prices: tuple[tuple[int, int], ...]
    rpi: int = 0

    @property
    def low(self) -> int:
        """Lowest price in ticks."""
        return min(price for price, _ in self.prices)

    @property
    def high(self) -> int:
        """Highest price in ticks."""
        return max(price for price, _ in self.prices)


class Quote(NamedTuple):
    """Best bid and ask of a believed book: ticks and lots, and the time it came to be so (ns)."""

    time: int
    bid: int
    bid_size: int
    ask: int
    ask_size: int

    @property
    def twice_mid(self) -> int:
        """Bid plus ask in ticks: twice the mid, and whole."""
        return self.bid + self.ask


class Second(Struct, frozen=True, gc=False):
    """One whole second `[start, start + 1 s)`; seconds without a trade are told too.

    Prices in ticks or None without a trade, lots, ticks x lots. `quote_before` and `quote_after`
    are the believed quotes at its beginning and end. `skipped` is how many empty seconds directly
    before it were not told one by one, because the market stood still for long.
    """

    start: int
    open: int | None
    high: int | None
    low: int | None
    close: int | None
    buy: int
    sell: int
    buy_quote: int
    sell_quote: int
    clusters: int
    trades: int
    first_id: int | str | None
    last_id: int | str | None
    book_changes: int
    quote_before: Quote | None
    quote_after: Quote | None
    skipped: int = 0


class Arrival(NamedTuple):
    """One log entry as it came: its stream's kind, how many events, and the times of the last one.

    Told when its time comes, for what watches the feeds themselves.
    """

    kind: str
    events: int
    exchange_time: int
    received_at: int


class Scene:
    """The market as it is at the moment that is being told; folds read it and change nothing.

    book: what may be believed, already with the change that is told, or None. quote: its touch.
    before: the touch strictly before the present time, for judging a trade by it.
    """

    __slots__ = ("before", "book", "instrument", "quote", "subject", "time")

    def __init__(self, subject: Subject, instrument: Instrument) -> None:
        self.subject = subject
        self.instrument = instrument
        self.time = 0
        self.book: OrderBook | None = None
        self.quote: Quote | None = None
        self.before: Quote | None = None


Told = Iterable[Signal]


class Fold(Struct):
    """State that grows with the tape: all of its fields are plain, so that it can be stored.

    A fold overrides what it wants to be told; the stage calls nothing else. Whatever it returns
    depends on what it was told alone. It is bounded: what it keeps does not grow with time.

    name and version say which rule made a figure; a change of the rule is a new version, and state
    of another version is not taken up again.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1

    def on_cluster(self, scene: Scene, cluster: Cluster) -> Told:
        """Take a taker order; `scene.before` is the touch that it met."""
        raise NotImplementedError

    def on_book(self, scene: Scene, change: BookSnapshot | BookDelta) -> Told:
        """Take a change of a believed book, which `scene.book` already includes.

        A snapshot starts the book anew: nothing may be compared across it.
        """
        raise NotImplementedError

    def on_second(self, scene: Scene, second: Second) -> Told:
        """Take a second that is over."""
        raise NotImplementedError

    def on_minute(self, scene: Scene, start: int) -> Told:
        """Take notice that the minute beginning at `start` is over; called before `reading`."""
        raise NotImplementedError

    def on_fact(self, scene: Scene, fact: StatusEvent) -> Told:
        """Take a fact about the streams; `scene.book` is None while the book is lost."""
        raise NotImplementedError

    def on_arrival(self, scene: Scene, arrival: Arrival) -> Told:
        """Take notice of a log entry."""
        raise NotImplementedError

    def reading(self, scene: Scene) -> Reading | None:
        """Return the figures of the minute that is over, and begin the next; None for none."""
        raise NotImplementedError

    @property
    def warming(self) -> bool:
        """Whether its baseline is not full yet, so that it says nothing."""
        return False

    def rescaled(self, tick_factor: int, lot_factor: int) -> Self:
        """Return the same state counted in finer ticks and lots; by default it begins anew."""
        del tick_factor, lot_factor
        return type(self)()
