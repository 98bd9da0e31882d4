"""Where the reading of one market's log stands, exactly enough to go on without a trace."""

from typing import NamedTuple

from msgspec import Struct, field

from cloud_marketdata.domain.events import BookDelta, BookSnapshot, StatusEvent, TradeEvent
from cloud_marketdata.processing.flow.moments import Arrival


class Place(Struct):
    """How far one stream has been read, and how far it has been told.

    All entries up to position `after` are told, and of the one behind it the first `skip` items;
    reading begins again behind it. `read` is the last position read. `top` is the latest time up
    to `after`, from which the order of what follows is found again.
    """

    after: int = 0
    skip: int = 0
    read: int = 0
    top: int = 0


class Cut(Struct):
    """How far the streams have been told: everything before `told`, in ns of match time.

    ways: see VenueTime.
    """

    told: int = 0
    trades: Place = field(default_factory=Place)
    book: Place = field(default_factory=Place)
    status: Place = field(default_factory=Place)
    ways: list[tuple[int, int]] = []


class Released(NamedTuple):
    """What may be told now, each list in its own order, with times in ns.

    Nothing that is younger than `upto` is inside, and nothing older comes any more but what comes
    late. `late` are trades whose time had been told when they came.
    """

    upto: int
    trades: list[TradeEvent]
    book: list[tuple[int, BookSnapshot | BookDelta]]
    facts: list[tuple[int, StatusEvent]]
    arrivals: list[tuple[int, Arrival]]
    late: list[TradeEvent]
