"""How complete a page of raw trades is, proven by the ids on it and beside it.

Raw trades leave the log with age while the ledger stays, so what the ledger knows of ids says
nothing of a page. Only what was told of gaps, doubts and connections is taken from it.
"""

from typing import Final

from cloud_marketdata.api.completeness import judged
from cloud_marketdata.api.paging import Page
from cloud_marketdata.domain.coverage import CoverageState, Covered, Interval
from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.domain.ledger import Ledger
from cloud_marketdata.domain.quality import Quality
from cloud_marketdata.domain.sheet import Kept, Layer, Marks
from cloud_marketdata.storage.coverage import fold_facts
from cloud_marketdata.storage.ports import Stores

_NOTHING: Final = "no trades are kept here"


async def page_quality(stores: Stores, instrument: Instrument, page: Page, now: int) -> Quality:
    """Judge a page at the moment `now`."""
    venue, symbol = instrument.venue, instrument.symbol
    answered = page.range(now)
    if answered is None:
        return Quality(None, None, None, sources=(venue.value,), reasons=(_NOTHING,))
    kept = await stores.coverage.find(venue, symbol, *answered, Covered.TRADES)
    told = tuple(row for row in kept.rows if row.layer is not Layer.TAPE)
    ledger = Ledger(venue, symbol, Kept(Marks(status=kept.marks.status), told))
    await fold_facts(stores.log, ledger)
    seen = sorted((*page.trades, *page.beside), key=lambda trade: trade.sequence)
    ledger.fold_trades(1, seen)
    known = ledger.intervals(Covered.TRADES)
    if seen:
        known += _repaired(kept, seen[0].sequence, seen[-1].sequence)
    as_of = page.trades[-1].exchange_time if page.trades else None
    return judged(venue, answered, known, as_of, now)


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
