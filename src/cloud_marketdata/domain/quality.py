"""How fresh and how complete an answer is. Every answer carries one."""

from msgspec import Struct


class Gap(Struct, frozen=True):
    """An interval in which trades are known, or must be feared, to be missing.

    `missing` is the proven number, or None where the venue's ids cannot prove it. `reason` says why
    it has not been filled, where somebody told. Times are ns.
    """

    start: int
    end: int
    missing: int | None
    after_id: int | str | None = None
    before_id: int | str | None = None
    reason: str = ""


class Quality(Struct, frozen=True):
    """What a reader must know before trusting the numbers beside it.

    as_of: newest match time inside the answer, in ns, or None where it is empty.
    staleness_ms: age of that trade when the answer was made.
    coverage: share of the asked range proven complete, 0 to 1, or None where ids prove nothing.
    repaired: trades that were missing in it and have been filled.
    late: trades that arrived after their bucket had closed; revision: how often it changed since.
    reconciled: pending until the venue's own kline has been compared.
    """

    as_of: int | None
    staleness_ms: int | None
    coverage: float | None
    gaps: tuple[Gap, ...] = ()
    repaired: int = 0
    late: int = 0
    revision: int = 0
    reconciled: str = "pending"
    sources: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
