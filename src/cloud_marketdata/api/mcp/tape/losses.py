"""How many trades between two places of a tape were never given, where ids can prove it.

Ids that grow by one prove it exactly: what lies between the highest id before and the highest now
was given or is missing. A trade below the highest id before fills an older hole.
"""

from collections.abc import Sequence

from msgspec import Struct

from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.instrument import Instrument


class Losses(Struct, frozen=True):
    """What is missing.

    missing: trades, or None where ids prove nothing. filled: older trades that came late. whole:
    whether the log still held every entry behind the cursor.
    """

    missing: int | None
    filled: int
    whole: bool
    words: str


def highest(trades: Sequence[TradeEvent], before: int | None) -> int | None:
    """Return the highest sequence of all that was ever given."""
    given = [trade.sequence for trade in trades]
    return max([*given, *([] if before is None else [before])], default=None)


def losses(
    instrument: Instrument, trades: Sequence[TradeEvent], before: int | None, *, whole: bool
) -> Losses:
    """Count what is missing among trades that follow a highest sequence, if there was one."""
    if not instrument.venue.contiguous_ids:
        words = "trade ids of this venue prove no loss; see meta.quality"
        gone = "entries behind the cursor may have left the log, and ids cannot count them"
        return Losses(None, 0, whole, words if whole else gone)
    given = {trade.sequence for trade in trades}
    first = min(given, default=0) - 1 if before is None else before
    fresh = sum(sequence > first for sequence in given)
    missing = max(given | {first}) - first - fresh if given else 0
    filled = len(given) - fresh
    return Losses(missing, filled, whole, _words(missing, filled, whole=whole))


def _words(missing: int, filled: int, *, whole: bool) -> str:
    said = [f"{missing} trades are missing by their ids" if missing else "no id is missing"]
    if filled:
        said.append(f"{filled} filled older holes")
    if not whole:
        said.append("entries behind the cursor may have left the log; the ids count what is gone")
    return "; ".join(said)
