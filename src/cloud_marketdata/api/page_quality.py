"""How complete a page of raw trades is, proven by the ids on it and beside it.

Raw trades leave the log with age while the ledger stays, so what the ledger knows of ids says
nothing of a page. Only what was told of gaps, doubts and connections is taken from it.
"""

from typing import Final

from msgspec.structs import replace

from cloud_marketdata.api.completeness import judged
from cloud_marketdata.api.paging import Page
from cloud_marketdata.api.times import TimeRange, iso
from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.domain.coverage import CoverageState, Covered, Interval
from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.domain.ledger import Ledger
from cloud_marketdata.domain.quality import Quality
from cloud_marketdata.domain.sheet import Kept, Layer, Marks
from cloud_marketdata.storage.coverage import fold_facts
from cloud_marketdata.storage.ports import Stores

_NOTHING: Final = "no trades are kept here"
_LEFT: Final = "raw trades before {} are no longer kept"
_NO_LEDGER: Final = "the warm tier is away: what was told of gaps is not inside"


async def page_quality(
    stores: Stores, instrument: Instrument, page: Page, now: int, kept_since: int
) -> Quality:
    """Judge a page at the moment `now`; older trades than `kept_since` may have left the log."""
    venue, symbol = instrument.venue, instrument.symbol
    answered = page.range(now)
    if answered is None:
        return Quality(None, None, None, sources=(venue.value,), reasons=(_NOTHING,))
    kept, reasons = await _told(stores, instrument, answered)
    if page.place.start is not None and page.place.start < kept_since:
        reasons = (*reasons, _LEFT.format(iso(kept_since)))
    told = tuple(row for row in kept.rows if row.layer is not Layer.TAPE)
    ledger = Ledger(venue, symbol, Kept(Marks(status=kept.marks.status), told))
    await fold_facts(stores.log, ledger)
    seen = sorted((*page.trades, *page.beside), key=lambda trade: trade.sequence)
    ledger.fold_trades(1, seen)
    known = ledger.intervals(Covered.TRADES)
    if seen:
        known += _repaired(kept, seen[0].sequence, seen[-1].sequence)
    as_of = page.trades[-1].exchange_time if page.trades else None
    quality = judged(venue, answered, known, as_of, now)
    return replace(quality, reasons=(*quality.reasons, *reasons))


async def _told(
    stores: Stores, instrument: Instrument, within: TimeRange
) -> tuple[Kept, tuple[str, ...]]:
    """Return the ledger of a range; raw trades are answered even where it is away."""
    at = (instrument.venue, instrument.symbol)
    try:
        return await stores.coverage.find(*at, *within, Covered.TRADES), ()
    except StorageError:
        return Kept(), (_NO_LEDGER,)


def _repaired(kept: Kept, low: int, high: int) -> list[Interval]:
    """Return the repairs among some ids; what is not on the page is missing all the same."""
    return [
        row.interval
        for row in kept.rows
        if row.layer is Layer.TAPE
        and row.state is CoverageState.REPAIRED
        and low <= (row.low or 0)
        and (row.high or 0) <= high
    ]
