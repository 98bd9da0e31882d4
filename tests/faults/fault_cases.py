"""The cases: every fault, how it is found, what is told of it, and what proves that it is over."""

from typing import Any, NamedTuple

from fault_proofs import BookEqual, TradesComplete
from fault_signs import (
    Count,
    Fact,
    Figure,
    FinerGrid,
    NoFact,
    OutOfOrder,
    Published,
    Sign,
    StaysSynced,
    Word,
    book,
    exactly,
    trades,
)

from cloud_marketdata.domain.coverage import CoverageState
from cloud_marketdata.domain.events import StatusKind
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.storage.ports import BookState

SPOT, USDM = Venue.BINANCE_SPOT, Venue.BINANCE_USDM
BYBIT_SPOT, LINEAR = Venue.BYBIT_SPOT, Venue.BYBIT_LINEAR
COMPLETE, REPAIRED, UNBROKEN = (
    CoverageState.COMPLETE,
    CoverageState.REPAIRED,
    CoverageState.UNBROKEN,
)
UNKNOWN, MISSING = CoverageState.UNKNOWN, CoverageState.MISSING
ALL = (SPOT, USDM, BYBIT_SPOT, LINEAR)
BINANCE, BYBIT = (SPOT, USDM), (BYBIT_SPOT, LINEAR)
STALE = BookState.STALE
TWO = ("BTCUSDT", "ETHUSDT")
FOUR = (*TWO, "SOLUSDT", "DOGEUSDT")


class Case(NamedTuple):
    """A fault at some venues, and its signs.

    patience_s: for silence, how long it takes until it can be told from a quiet market; the law is
    one second more than that. from_start: the fault is set before the service connects. prevented:
    it must never strike, because what it waits for does not happen.
    """

    fault: str
    venues: tuple[Venue, ...]
    detection: Sign
    state: tuple[Sign, ...]
    ledger: tuple[Sign, ...]
    metric: tuple[Sign, ...]
    recovery: tuple[Sign, ...]
    patience_s: float = 0.0
    patience: str = ""
    symbols: tuple[str, ...] = ("BTCUSDT",)
    settings: tuple[tuple[str, Any], ...] = ()
    from_start: bool = False
    prevented: bool = False


_LOST_BOOK = (
    StatusKind.BOOK_GAP,
    StatusKind.BOOK_LOST,
)
_LOST_TRADES = (StatusKind.TRADE_GAP, StatusKind.TRADES_LOST)
_SILENCE = 7.0
_SILENCE_WORDS = "four times the usual silence (1 s and more), a look each second, 1 s of grace"
_FIRST = 4.0
_FIRST_WORDS = "patience 2 s, a look each second, 1 s of grace"

MESSAGES = (
    Case(
        "drop trade at=10",
        BINANCE,
        Fact(StatusKind.TRADE_GAP, (("missing", 1),)),
        state=(StaysSynced(),),
        ledger=(trades(COMPLETE, REPAIRED, count=1),),
        metric=(exactly("backfill.repaired", 1), exactly("backfill.filled", 1)),
        recovery=(Fact(StatusKind.TRADES_REPAIRED, (("filled", 1),)), TradesComplete()),
    ),
    Case(
        "drop trade every=2 for=2s",
        (LINEAR,),
        Fact(StatusKind.TRADES_DOUBTED),
        state=(StaysSynced(),),
        ledger=(trades(UNBROKEN, UNKNOWN),),
        metric=(Count("counts.doubts", 1),),
        recovery=(BookEqual(),),
        patience_s=2.0,
        patience="until a direction contradicts",
    ),
    Case(
        "drop depth at=10 symbol=BTCUSDT",
        ALL,
        Fact(StatusKind.BOOK_GAP),
        state=(Published(STALE), StaysSynced("ETHUSDT")),
        ledger=(book(COMPLETE, MISSING),),
        metric=(exactly("counts.book_gaps", 1), exactly("sessions.reconnects", 0)),
        recovery=(BookEqual(),),
        symbols=TWO,
    ),
    Case(
        "duplicate trade at=10",
        BINANCE,
        exactly("counts.duplicates", 1),
        state=(StaysSynced(),),
        ledger=(trades(COMPLETE),),
        metric=(exactly("counts.duplicates", 1),),
        recovery=(TradesComplete(),),
    ),
    Case(
        "duplicate trade at=10",
        BYBIT,
        Count("counts.duplicates", 1),
        state=(StaysSynced(),),
        ledger=(trades(UNBROKEN),),
        metric=(Count("counts.duplicates", 1),),
        recovery=(TradesComplete(),),
    ),
    Case(
        "duplicate depth at=10",
        ALL,
        exactly("counts.book_repeats", 1),
        state=(StaysSynced(),),
        ledger=(book(COMPLETE),),
        metric=(exactly("counts.book_gaps", 0),),
        recovery=(BookEqual(),),
    ),
    Case(
        "reorder trade at=10",
        BINANCE,
        Fact(StatusKind.TRADE_GAP, (("missing", 1),)),
        state=(StaysSynced(),),
        ledger=(trades(COMPLETE, REPAIRED, count=1),),
        metric=(exactly("backfill.repaired", 1), exactly("backfill.filled", 0)),
        recovery=(TradesComplete(),),
    ),
    Case(
        "reorder trade at=10",
        (BYBIT_SPOT,),
        OutOfOrder(),
        state=(StaysSynced(),),
        ledger=(trades(UNBROKEN),),
        metric=(exactly("counts.duplicates", 0),),
        recovery=(TradesComplete(),),
    ),
    Case(
        "reorder trade every=3 for=2s",
        (LINEAR,),
        Fact(StatusKind.TRADES_DOUBTED),
        state=(StaysSynced(),),
        ledger=(trades(UNBROKEN, UNKNOWN),),
        metric=(Count("counts.doubts", 1), exactly("counts.duplicates", 0)),
        recovery=(TradesComplete(),),
        patience_s=2.0,
        patience="until a direction contradicts",
    ),
    Case(
        "reorder depth at=10",
        ALL,
        Fact(StatusKind.BOOK_GAP),
        state=(Published(STALE),),
        ledger=(book(COMPLETE, MISSING),),
        metric=(exactly("counts.book_gaps", 1),),
        recovery=(BookEqual(),),
    ),
    Case(
        "delay any ms=800 at=20",
        (SPOT, LINEAR),
        Figure("delay_ms.largest", 700, 3000),
        state=(StaysSynced(),),
        ledger=(book(COMPLETE),),
        metric=(exactly("sessions.dead_streams", 0),),
        recovery=(TradesComplete(), BookEqual()),
        patience_s=0.8,
        patience="the delay itself",
    ),
    Case(
        "malformed trade at=10",
        BINANCE,
        exactly("rejected.malformed", 1),
        state=(StaysSynced(),),
        ledger=(trades(COMPLETE, REPAIRED, count=1),),
        metric=(exactly("rejected.malformed", 1), exactly("backfill.filled", 1)),
        recovery=(TradesComplete(),),
    ),
    Case(
        "malformed trade at=10 how=types",
        BINANCE,
        exactly("rejected.schema", 1),
        state=(StaysSynced(),),
        ledger=(trades(COMPLETE, REPAIRED, count=1),),
        metric=(exactly("rejected.schema", 1), exactly("backfill.filled", 1)),
        recovery=(TradesComplete(),),
    ),
    Case(
        "malformed trade at=10",
        BYBIT,
        exactly("rejected.malformed", 1),
        state=(StaysSynced(),),
        ledger=(trades(UNBROKEN, REPAIRED),),
        metric=(exactly("rejected.malformed", 1), exactly("backfill.repaired", 1)),
        recovery=(TradesComplete(),),
    ),
    Case(
        "malformed depth at=10",
        ALL,
        exactly("rejected.malformed", 1),
        state=(Published(STALE),),
        ledger=(book(COMPLETE, MISSING),),
        metric=(exactly("rejected.malformed", 1), exactly("counts.book_gaps", 1)),
        recovery=(BookEqual(),),
    ),
)
SILENCES = (
    Case(
        "delay any ms=9000 at=20",
        (SPOT,),
        Count("sessions.dead_streams", 1),
        state=(Published(STALE),),
        ledger=(trades(COMPLETE, REPAIRED), book(COMPLETE, MISSING)),
        metric=(Count("sessions.dead_streams", 1, 2), Count("sessions.rotations", 1)),
        recovery=(TradesComplete(), BookEqual()),
        patience_s=_SILENCE,
        patience=_SILENCE_WORDS,
    ),
    Case(
        "silent trade times=1",
        BINANCE,
        Fact(StatusKind.TRADES_LOST),
        state=(StaysSynced(),),
        ledger=(trades(COMPLETE, REPAIRED),),
        metric=(exactly("sessions.dead_streams", 1), exactly("sessions.rotations", 1)),
        recovery=(TradesComplete(), BookEqual()),
        patience_s=_SILENCE,
        patience=_SILENCE_WORDS,
    ),
    Case(
        "silent trade times=1",
        (LINEAR,),
        Fact(StatusKind.TRADES_LOST),
        state=(StaysSynced(),),
        ledger=(trades(UNBROKEN, REPAIRED),),
        metric=(exactly("sessions.dead_streams", 1), exactly("sessions.rotations", 1)),
        recovery=(TradesComplete(), BookEqual()),
        patience_s=_SILENCE,
        patience=_SILENCE_WORDS,
    ),
    Case(
        "silent depth times=1",
        BINANCE,
        Fact(StatusKind.BOOK_LOST, (("reason", "its stream is dead"),)),
        state=(Published(STALE),),
        ledger=(book(COMPLETE, MISSING),),
        metric=(exactly("sessions.dead_streams", 1), exactly("sessions.rotations", 1)),
        recovery=(TradesComplete(), BookEqual()),
        patience_s=_SILENCE,
        patience=_SILENCE_WORDS,
    ),
    Case(
        "silent depth times=1",
        BYBIT,
        Count("sessions.suspicions", 1),
        state=(StaysSynced(),),
        ledger=(book(COMPLETE),),
        metric=(exactly("sessions.dead_streams", 0), exactly("sessions.reconnects", 0)),
        recovery=(TradesComplete(), BookEqual()),
        patience_s=_SILENCE,
        patience=_SILENCE_WORDS,
    ),
    Case(
        "ack-only trade times=1",
        ALL,
        Count("sessions.dead_streams", 1),
        state=(),
        ledger=(book(COMPLETE),),
        metric=(exactly("sessions.dead_streams", 1), exactly("sessions.rotations", 1)),
        recovery=(TradesComplete(), BookEqual()),
        patience_s=_FIRST,
        patience=_FIRST_WORDS,
        from_start=True,
    ),
    Case(
        "ack-only depth times=1",
        BINANCE,
        Count("sessions.dead_streams", 1),
        state=(),
        ledger=(book(COMPLETE),),
        metric=(exactly("sessions.dead_streams", 1), exactly("sessions.rotations", 1)),
        recovery=(TradesComplete(), BookEqual()),
        patience_s=_FIRST,
        patience=_FIRST_WORDS,
        from_start=True,
    ),
    Case(
        "ack-only depth times=1",
        BYBIT,
        Count("sessions.suspicions", 1),
        state=(),
        ledger=(book(COMPLETE),),
        metric=(exactly("sessions.dead_streams", 0), exactly("sessions.reconnects", 0)),
        recovery=(TradesComplete(), BookEqual()),
        patience_s=_FIRST,
        patience=_FIRST_WORDS,
        from_start=True,
    ),
    Case(
        "half-open times=1",
        (SPOT,),
        Count("sessions.dead_streams", 1),
        state=(Published(STALE),),
        ledger=(trades(COMPLETE, REPAIRED), book(COMPLETE, MISSING)),
        metric=(exactly("sessions.rotations", 1), exactly("sessions.reconnects", 0)),
        recovery=(TradesComplete(), BookEqual()),
        patience_s=_SILENCE,
        patience=_SILENCE_WORDS,
    ),
    Case(
        "half-open times=1",
        (LINEAR,),
        Count("sessions.dead_streams", 1),
        state=(Published(STALE),),
        ledger=(trades(UNBROKEN, REPAIRED), book(COMPLETE, MISSING)),
        metric=(exactly("sessions.rotations", 1), exactly("sessions.reconnects", 0)),
        recovery=(TradesComplete(), BookEqual()),
        patience_s=_SILENCE,
        patience=_SILENCE_WORDS,
    ),
)
BOOKS = (
    Case(
        "gap depth at=10 by=5 symbol=BTCUSDT",
        ALL,
        Fact(StatusKind.BOOK_GAP),
        state=(Published(STALE), StaysSynced("ETHUSDT")),
        ledger=(book(COMPLETE, MISSING),),
        metric=(exactly("counts.book_gaps", 1),),
        recovery=(BookEqual(),),
        symbols=TWO,
    ),
    Case(
        "storm depth times=1",
        ALL,
        Fact(StatusKind.BOOK_GAP),
        state=(Published(STALE),),
        ledger=(book(COMPLETE, MISSING),),
        metric=(exactly("counts.book_gaps", 4), exactly("rest.turned_away", 0)),
        recovery=(BookEqual(),),
        symbols=FOUR,
    ),
    Case(
        "restart depth at=10",
        BYBIT,
        Count("counts.book_refreshes", 1),
        state=(StaysSynced(),),
        ledger=(book(COMPLETE),),
        metric=(Count("counts.book_refreshes", 1), exactly("counts.book_gaps", 0)),
        recovery=(BookEqual(),),
    ),
    Case(
        "snapshot depth every=5 times=3",
        BYBIT,
        Count("counts.book_refreshes", 1),
        state=(StaysSynced(),),
        ledger=(book(COMPLETE),),
        metric=(Count("counts.book_refreshes", 3), exactly("counts.book_gaps", 0)),
        recovery=(BookEqual(),),
    ),
)
SOCKETS = (
    Case(
        "cut; refuse connect for=700ms",
        BINANCE,
        Fact(StatusKind.DISCONNECTED),
        state=(Published(STALE),),
        ledger=(trades(COMPLETE, REPAIRED), book(COMPLETE, MISSING)),
        metric=(Count("sessions.reconnects", 1), Count("backfill.filled", 1)),
        recovery=(TradesComplete(), BookEqual()),
    ),
    Case(
        "cut; refuse connect for=700ms",
        BYBIT,
        Fact(StatusKind.DISCONNECTED),
        state=(Published(STALE),),
        ledger=(trades(UNBROKEN, REPAIRED), book(COMPLETE, MISSING)),
        metric=(Count("sessions.reconnects", 1), exactly("backfill.repaired", 1)),
        recovery=(TradesComplete(), BookEqual()),
    ),
    Case(
        "refuse connect for=2s; cut",
        (SPOT,),
        Fact(StatusKind.DISCONNECTED),
        state=(
            Published(STALE),
            Word("state", "disconnected"),
            Word("websocket.breaker", "open"),
        ),
        ledger=(trades(COMPLETE, REPAIRED), book(COMPLETE, MISSING)),
        metric=(Count("websocket.trips", 1, 3), Count("sessions.reconnects", 4)),
        recovery=(Word("websocket.breaker", "closed"), TradesComplete(), BookEqual()),
    ),
    Case(
        "refuse connect for=6s; cut",
        (BYBIT_SPOT,),
        Fact(StatusKind.DISCONNECTED),
        state=(Published(STALE), Word("websocket.breaker", "open")),
        ledger=(trades(UNBROKEN, UNKNOWN), book(COMPLETE, MISSING)),
        metric=(exactly("backfill.unrepaired", 1), exactly("backfill.repaired", 0)),
        recovery=(Fact(StatusKind.TRADES_UNREPAIRED), TradesComplete(), BookEqual()),
    ),
    Case(
        "cut age=6s",
        BINANCE,
        Fact(StatusKind.CONNECTED),
        state=(StaysSynced(),),
        ledger=(trades(COMPLETE), book(COMPLETE)),
        metric=(Count("sessions.rotations", 1), exactly("sessions.reconnects", 0)),
        recovery=(NoFact((*_LOST_TRADES, *_LOST_BOOK)), TradesComplete(), BookEqual()),
        patience_s=3.0,
        patience="a lifetime of 3 s",
        settings=(("lifetime_hours", 3 / 3600),),
        prevented=True,
    ),
    Case(
        "cut age=6s",
        BYBIT,
        Fact(StatusKind.CONNECTED),
        state=(StaysSynced(),),
        ledger=(trades(UNBROKEN), book(COMPLETE)),
        metric=(Count("sessions.rotations", 1), exactly("sessions.reconnects", 0)),
        recovery=(NoFact((*_LOST_TRADES, *_LOST_BOOK)), TradesComplete(), BookEqual()),
        patience_s=3.0,
        patience="a lifetime of 3 s",
        settings=(("lifetime_hours", 3 / 3600),),
        prevented=True,
    ),
    Case(
        "shutdown grace=3s",
        BINANCE,
        Fact(StatusKind.CONNECTED),
        state=(StaysSynced(),),
        ledger=(trades(COMPLETE), book(COMPLETE)),
        metric=(Count("sessions.rotations", 1, 2), exactly("sessions.reconnects", 0)),
        recovery=(NoFact((*_LOST_TRADES, *_LOST_BOOK)), TradesComplete(), BookEqual()),
    ),
    Case(
        "shutdown grace=1s",
        BYBIT,
        Fact(StatusKind.DISCONNECTED),
        state=(Published(STALE),),
        ledger=(trades(UNBROKEN, REPAIRED), book(COMPLETE, MISSING)),
        metric=(exactly("sessions.reconnects", 1),),
        recovery=(TradesComplete(), BookEqual()),
        patience_s=1.0,
        patience="it closes after 1 s without a word",
    ),
)
REST = (
    Case(
        "rest 429 path=depth retry-after=2 for=2s; gap depth at=5",
        BINANCE,
        exactly("rest.refusals.429", 1),
        state=(Published(STALE), Figure("rest.blocked_s", 1, 2)),
        ledger=(book(COMPLETE, MISSING),),
        metric=(exactly("rest.refusals.429", 1), exactly("rest.trips", 0)),
        recovery=(BookEqual(),),
    ),
    Case(
        "rest 418 path=depth retry-after=3 for=3s; gap depth at=5",
        BINANCE,
        exactly("rest.refusals.418", 1),
        state=(Published(STALE), Figure("rest.blocked_s", 1, 3)),
        ledger=(book(COMPLETE, MISSING),),
        metric=(exactly("rest.refusals.418", 1), exactly("rest.trips", 0)),
        recovery=(BookEqual(),),
    ),
    Case(
        "drop trade at=10; lag ms=1500",
        BINANCE,
        Fact(StatusKind.TRADE_GAP, (("missing", 1),)),
        state=(Figure("backfill.waiting", 1, 1), StaysSynced()),
        ledger=(trades(COMPLETE, REPAIRED, count=1),),
        metric=(exactly("backfill.repaired", 1), exactly("backfill.unrepaired", 0)),
        recovery=(Fact(StatusKind.TRADES_REPAIRED), TradesComplete()),
    ),
)
WORLD = (
    Case(
        "skew ms=1500",
        ALL,
        Figure("delay_ms.newest", -1600, -1000),
        state=(StaysSynced(),),
        ledger=(book(COMPLETE),),
        metric=(Figure("delay_ms.newest", -1600, -1000), exactly("sessions.dead_streams", 0)),
        recovery=(TradesComplete(), BookEqual()),
    ),
    Case(
        "skew ms=-1500",
        ALL,
        Figure("delay_ms.newest", 1400, 2500),
        state=(StaysSynced(),),
        ledger=(book(COMPLETE),),
        metric=(Figure("delay_ms.newest", 1400, 2500), exactly("sessions.dead_streams", 0)),
        recovery=(TradesComplete(), BookEqual()),
    ),
    Case(
        "tick divide=10",
        ALL,
        Count("scale_versions.BTCUSDT", 1, 3),
        state=(StaysSynced(),),
        ledger=(book(COMPLETE),),
        metric=(Count("scale_versions.BTCUSDT", 1, 3),),
        recovery=(FinerGrid(), TradesComplete(), BookEqual()),
    ),
)
CASES = (*MESSAGES, *SILENCES, *BOOKS, *SOCKETS, *REST, *WORLD)
