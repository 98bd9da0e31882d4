"""Sockets: cut, refused, too old, or warned of."""

from fault_cases import (
    BINANCE,
    BYBIT,
    BYBIT_SPOT,
    COMPLETE,
    MISSING,
    REPAIRED,
    SPOT,
    UNBROKEN,
    UNKNOWN,
    Case,
    Patience,
)
from fault_proofs import BookEqual, TradesComplete
from fault_signs import Count, Fact, NoFact, Published, StaysSynced, Word, book, exactly, trades

from cloud_marketdata.domain.events import StatusKind
from cloud_marketdata.storage.ports import BookState

LIFETIME = Patience(3.0, "relieved after a lifetime of 3 s, in place of 23.5 h and a cut at 24 h")
LOST = (
    StatusKind.TRADE_GAP,
    StatusKind.TRADES_LOST,
    StatusKind.BOOK_GAP,
    StatusKind.BOOK_LOST,
)

SOCKETS = (
    Case(
        "cut; refuse connect for=700ms",
        BINANCE,
        Fact(StatusKind.DISCONNECTED),
        state=(Published(BookState.STALE),),
        ledger=(trades(COMPLETE, REPAIRED), book(COMPLETE, MISSING)),
        metric=(Count("sessions.reconnects", 1), Count("backfill.filled", 1)),
        recovery=(TradesComplete(), BookEqual()),
    ),
    Case(
        "cut; refuse connect for=700ms",
        BYBIT,
        Fact(StatusKind.DISCONNECTED),
        state=(Published(BookState.STALE),),
        ledger=(trades(UNBROKEN, REPAIRED), book(COMPLETE, MISSING)),
        metric=(Count("sessions.reconnects", 1), exactly("backfill.repaired", 1)),
        recovery=(TradesComplete(), BookEqual()),
    ),
    Case(
        "refuse connect for=2s; cut",
        (SPOT,),
        Fact(StatusKind.DISCONNECTED),
        state=(
            Published(BookState.STALE),
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
        state=(Published(BookState.STALE), Word("websocket.breaker", "open")),
        ledger=(trades(UNBROKEN, UNKNOWN), book(COMPLETE, MISSING)),
        metric=(exactly("backfill.unrepaired", 1), exactly("backfill.repaired", 0)),
        recovery=(Fact(StatusKind.TRADES_UNREPAIRED), TradesComplete(), BookEqual()),
    ),
    Case(
        "cut age=6s",
        BINANCE,
        Fact(StatusKind.CONNECTED),
        state=(StaysSynced(),),
        ledger=(trades(COMPLETE), book(COMPLETE), NoFact(LOST)),
        metric=(Count("sessions.rotations", 1), exactly("sessions.reconnects", 0)),
        recovery=(TradesComplete(), BookEqual()),
        patience=Patience(
            3.0, "relieved after a lifetime of 3 s, in place of 23.5 h and a cut at 24 h"
        ),
        settings=(("lifetime_hours", 3 / 3600),),
        prevented=True,
    ),
    Case(
        "cut age=6s",
        BYBIT,
        Fact(StatusKind.CONNECTED),
        state=(StaysSynced(),),
        ledger=(trades(UNBROKEN), book(COMPLETE), NoFact(LOST)),
        metric=(Count("sessions.rotations", 1), exactly("sessions.reconnects", 0)),
        recovery=(TradesComplete(), BookEqual()),
        patience=Patience(
            3.0, "relieved after a lifetime of 3 s, in place of 23.5 h and a cut at 24 h"
        ),
        settings=(("lifetime_hours", 3 / 3600),),
        prevented=True,
    ),
    Case(
        "shutdown grace=3s",
        BINANCE,
        Fact(StatusKind.CONNECTED),
        state=(StaysSynced(),),
        ledger=(trades(COMPLETE), book(COMPLETE), NoFact(LOST)),
        metric=(Count("sessions.rotations", 1, 2), exactly("sessions.reconnects", 0)),
        recovery=(TradesComplete(), BookEqual()),
    ),
    Case(
        "shutdown grace=1s",
        BYBIT,
        Fact(StatusKind.DISCONNECTED),
        state=(Published(BookState.STALE),),
        ledger=(trades(UNBROKEN, REPAIRED), book(COMPLETE, MISSING)),
        metric=(exactly("sessions.reconnects", 1),),
        recovery=(TradesComplete(), BookEqual()),
        patience=Patience(1.0, "it closes after 1 s without a word"),
    ),
)
