"""Where the coverage ledger fears or proves that trades are missing, as CVD wants it."""

from msgspec import Struct

from cloud_marketdata.api.completeness import judged
from cloud_marketdata.api.coverages import read_known
from cloud_marketdata.api.times import TimeRange
from cloud_marketdata.domain.coverage import Covered
from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.processing.metrics.cvd import merged_gaps
from cloud_marketdata.storage.ports import Stores


class Known(Struct, frozen=True):
    """Gaps of a range, disjoint and ascending, and the first instant that is known of, if any.

    What was repaired is no gap. The time before `since` is no gap either: nobody listened yet.
    """

    gaps: list[tuple[int, int]]
    since: int | None


async def read_gaps(stores: Stores, instrument: Instrument, within: TimeRange, now: int) -> Known:
    """Read the ledger of a range as it is now."""
    known, _ = await read_known(stores, instrument, within, Covered.TRADES)
    quality = judged(instrument.venue, within, known, None, now)
    since = min((max(one.start, within.start) for one in known), default=None)
    return Known(merged_gaps((gap.start, gap.end) for gap in quality.gaps), since)
