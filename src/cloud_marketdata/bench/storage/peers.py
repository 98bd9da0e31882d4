"""What other programs and bare drivers reached, as numbers with their source.

They were measured on 2026-11-22 on the same kind of machine with synthetic trades, by scripts that
are not part of this project (reference/performance.md beside the repository). Rates of another run
are there to compare orders of magnitude; ratios of one run are in `rates`.
"""

from typing import Final

from msgspec import Struct


class Peer(Struct, frozen=True):
    """One row: a rate in units a second of wall time and of CPU, and bytes where they were told.

    section: where in the source it stands. The last row was told as 26.6 such queries a second.
    """

    tier: str
    what: str
    unit: str
    per_s: float
    per_cpu_s: float
    bytes_each: float | None
    section: int


PEERS: Final = (
    Peer("hot", "cryptofeed -> Redis, end to end", "trade", 17_319, 20_981, 104.3, 6),
    Peer("hot", "bare XADD of 9 fields, pipeline of 500", "trade", 28_407, 31_895, 98.5, 6),
    Peer("hot", "bare XADD, 1 packed trade, pipeline of 500", "trade", 50_849, 64_042, 43.6, 6),
    Peer("hot", "bare XADD of 100 trades, 1 a call", "trade", 276_672, 533_934, 32.9, 6),
    Peer("hot", "bare XADD of 500 trades, 1 a call", "trade", 1_133_480, 2_049_852, 35.7, 6),
    Peer("hot", "XREADGROUP + XACK, 100 trades each", "trade", 1_921_952, 3_051_572, None, 6),
    Peer("warm", "cryptofeed -> MongoDB, end to end", "trade", 35_594, 47_483, None, 6),
    Peer("warm", "bulk upsert, 200 packed rows", "profile", 33_940, 63_897, 3_004, 7),
    Peer("warm", "bulk upsert, 2,000 packed rows", "profile", 13_656, 23_906, 30_996, 7),
    Peer("warm", "insert of sub-documents, 200 rows", "profile", 9_656, 18_623, None, 7),
    Peer(
        "warm", "fetch 1,440 profiles of 200 rows and sum them", "profile", 38_304, 67_392, None, 7
    ),
)
