"""Books: update ids that leap, begin anew, or leap for all books at once."""

from fault_cases import ALL, BYBIT, COMPLETE, FOUR, MISSING, TWO, Case
from fault_proofs import BookEqual
from fault_signs import Count, Fact, Published, StaysSynced, book, exactly

from cloud_marketdata.domain.events import StatusKind
from cloud_marketdata.storage.ports import BookState

BOOKS = (
    Case(
        "gap depth at=10 by=5 symbol=BTCUSDT",
        ALL,
        Fact(StatusKind.BOOK_GAP),
        state=(Published(BookState.STALE), StaysSynced("ETHUSDT")),
        ledger=(book(COMPLETE, MISSING),),
        metric=(exactly("counts.book_gaps", 1),),
        recovery=(BookEqual(),),
        symbols=TWO,
    ),
    Case(
        "storm depth times=1",
        ALL,
        Fact(StatusKind.BOOK_GAP),
        state=(Published(BookState.STALE),),
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
