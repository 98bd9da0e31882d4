"""Silence: streams and sockets that stand and bring nothing."""

from fault_cases import (
    ALL,
    BINANCE,
    BYBIT,
    COMPLETE,
    LINEAR,
    MISSING,
    REPAIRED,
    SPOT,
    UNBROKEN,
    Case,
    Patience,
)
from fault_proofs import BookEqual, TradesComplete
from fault_signs import Count, Fact, Published, StaysSynced, book, exactly, trades

from cloud_marketdata.domain.events import StatusKind
from cloud_marketdata.storage.ports import BookState

SILENCE = Patience(
    7.0, "four times the usual silence (1 s and more), a look each second, 1 s of grace"
)
FIRST = Patience(4.0, "patience 2 s, a look each second, 1 s of grace")

SILENCES = (
    Case(
        "delay any ms=9000 at=20",
        (SPOT,),
        Count("sessions.dead_streams", 1),
        state=(Fact(StatusKind.BOOK_LOST),),
        ledger=(trades(COMPLETE, REPAIRED), book(COMPLETE, MISSING)),
        metric=(Count("sessions.dead_streams", 1, 2), Count("sessions.rotations", 1)),
        recovery=(TradesComplete(), BookEqual()),
        patience=SILENCE,
    ),
    Case(
        "silent trade times=1",
        BINANCE,
        Fact(StatusKind.TRADES_LOST),
        state=(StaysSynced(),),
        ledger=(trades(COMPLETE, REPAIRED),),
        metric=(exactly("sessions.dead_streams", 1), exactly("sessions.rotations", 1)),
        recovery=(TradesComplete(), BookEqual()),
        patience=SILENCE,
    ),
    Case(
        "silent trade times=1",
        (LINEAR,),
        Fact(StatusKind.TRADES_LOST),
        state=(StaysSynced(),),
        ledger=(trades(UNBROKEN, REPAIRED),),
        metric=(exactly("sessions.dead_streams", 1), exactly("sessions.rotations", 1)),
        recovery=(TradesComplete(), BookEqual()),
        patience=SILENCE,
    ),
    Case(
        "silent depth times=1",
        BINANCE,
        Fact(StatusKind.BOOK_LOST, (("reason", "its stream is dead"),)),
        state=(Published(BookState.STALE),),
        ledger=(book(COMPLETE, MISSING),),
        metric=(exactly("sessions.dead_streams", 1), exactly("sessions.rotations", 1)),
        recovery=(TradesComplete(), BookEqual()),
        patience=SILENCE,
    ),
    Case(
        "silent depth times=1",
        BYBIT,
        Count("sessions.suspicions", 1),
        state=(StaysSynced(),),
        ledger=(book(COMPLETE),),
        metric=(exactly("sessions.dead_streams", 0), exactly("sessions.reconnects", 0)),
        recovery=(TradesComplete(), BookEqual()),
        patience=SILENCE,
    ),
    Case(
        "ack-only trade times=1",
        ALL,
        Count("sessions.dead_streams", 1),
        state=(),
        ledger=(book(COMPLETE),),
        metric=(exactly("sessions.dead_streams", 1), exactly("sessions.rotations", 1)),
        recovery=(TradesComplete(), BookEqual()),
        patience=FIRST,
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
        patience=FIRST,
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
        patience=FIRST,
        from_start=True,
    ),
    Case(
        "half-open times=1",
        (SPOT,),
        Count("sessions.dead_streams", 1),
        state=(Fact(StatusKind.BOOK_LOST),),
        ledger=(trades(COMPLETE, REPAIRED), book(COMPLETE, MISSING)),
        metric=(exactly("sessions.rotations", 1), exactly("sessions.reconnects", 0)),
        recovery=(TradesComplete(), BookEqual()),
        patience=SILENCE,
    ),
    Case(
        "half-open times=1",
        (LINEAR,),
        Count("sessions.dead_streams", 1),
        state=(Fact(StatusKind.BOOK_LOST),),
        ledger=(trades(UNBROKEN, REPAIRED), book(COMPLETE, MISSING)),
        metric=(exactly("sessions.rotations", 1), exactly("sessions.reconnects", 0)),
        recovery=(TradesComplete(), BookEqual()),
        patience=SILENCE,
    ),
)
