"""REST: refusals for rate, and rows that come late."""

from fault_cases import BINANCE, COMPLETE, MISSING, REPAIRED, Case
from fault_proofs import BookEqual, TradesComplete
from fault_signs import Fact, Figure, Published, StaysSynced, book, exactly, trades

from cloud_marketdata.domain.events import StatusKind
from cloud_marketdata.storage.ports import BookState

REST = (
    Case(
        "rest 429 path=depth retry-after=2 for=2s; gap depth at=5",
        BINANCE,
        exactly("rest.refusals.429", 1),
        state=(Published(BookState.STALE), Figure("rest.blocked_s", 1, 2)),
        ledger=(book(COMPLETE, MISSING),),
        metric=(exactly("rest.refusals.429", 1), exactly("rest.trips", 0)),
        recovery=(BookEqual(),),
    ),
    Case(
        "rest 418 path=depth retry-after=3 for=3s; gap depth at=5",
        BINANCE,
        exactly("rest.refusals.418", 1),
        state=(Published(BookState.STALE), Figure("rest.blocked_s", 1, 3)),
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
