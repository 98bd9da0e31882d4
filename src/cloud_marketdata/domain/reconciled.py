"""One closed minute held against the venue's own kline. Both sides are kept, as decimals say it."""

from enum import StrEnum

from msgspec import Struct

from cloud_marketdata.domain.values import Venue


class Verdict(StrEnum):
    """What the comparison said.

    exact: every field is equal. mismatch: some are not. pending: not compared yet.
    unavailable: the venue has no kline of it, or could not be reached while it had.
    """

    EXACT = "exact"
    MISMATCH = "mismatch"
    PENDING = "pending"
    UNAVAILABLE = "unavailable"


class Reconciled(Struct, frozen=True):
    """The verdict on the minute that begins at `start` ns.

    ours, theirs: field to canonical decimal text; `ours` is empty where nothing traded for us.
    fields: those that differ. refetched: our fields again from trades asked for by id after a
    mismatch, or None. bar_revision: the revision of our bar that was compared. revision grows with
    every comparison of the same minute. note: in words what the fields cannot say.
    """

    venue: Venue
    symbol: str
    start: int
    verdict: Verdict
    checked_at: int
    fields: tuple[str, ...] = ()
    ours: dict[str, str] = {}
    theirs: dict[str, str] = {}
    refetched: dict[str, str] | None = None
    bar_revision: int = 0
    revision: int = 0
    note: str = ""
