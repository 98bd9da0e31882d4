"""The venue itself: its clock and its grid."""

from fault_cases import ALL, COMPLETE, Case
from fault_proofs import BookEqual, TradesComplete
from fault_signs import Count, Figure, FinerGrid, StaysSynced, book, exactly

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
