"""One attempt to fill a gap, for either kind of tape.

Where ids are contiguous the pages are asked for one after another until every id of the gap is
there. Where they are not, one question brings all that the venue remembers, and the overlap says
what it proves. What is new goes to `keep` page by page; nothing is taken that the tape has.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, NamedTuple

from msgspec.structs import replace

from cloud_marketdata.collectors.tapes.gaps import Outcome, TradeGap
from cloud_marketdata.collectors.tapes.overlap import overlap
from cloud_marketdata.collectors.tapes.tape import ContiguousTape, SeenTape
from cloud_marketdata.domain.events import TradeEvent

# A day of the busiest market; more looks like ids of another stream, see docs/decisions/0005.
MISSING_MAX: Final = 10_000_000


class Page(NamedTuple):
    """One answer: the valid trades, ascending, and why others were refused, if any were."""

    trades: Sequence[TradeEvent]
    refused: str = ""


Fetch = Callable[[TradeGap], Awaitable[Page]]
Keep = Callable[[list[TradeEvent]], None]


async def by_ids(fetch: Fetch, tape: ContiguousTape, gap: TradeGap, keep: Keep) -> Outcome:
    """Page through the ids that are missing; raises VenueError as `fetch` does."""
    if tape.forgot(gap):
        return Outcome(repaired=False, reason="too many gaps were open to remember it", final=True)
    if tape.missing(gap) > MISSING_MAX:
        return Outcome(repaired=False, reason="too many to be a loss of this stream", final=True)
    at, refused = int(gap.after_id) + 1, ""
    while (first := _first_open(tape, gap, at)) is not None:
        page = await fetch(replace(gap, after_id=first - 1))
        keep([trade for trade in page.trades if tape.fill(trade).new])
        refused = page.refused or refused
        newest = max((int(trade.id) for trade in page.trades), default=-1)
        if newest < first:
            break
        at = newest + 1
    missing = _first_open(tape, gap, 0)
    if missing is None:
        return Outcome(repaired=True)
    return Outcome(repaired=False, reason=refused or f"the venue does not tell id {missing}")


async def by_overlap(fetch: Fetch, tape: SeenTape, gap: TradeGap, keep: Keep) -> Outcome:
    """Ask for what the venue remembers; raises VenueError as `fetch` does."""
    page = await fetch(gap)
    found = overlap(page.trades, gap)
    keep([trade for trade in found.trades if tape.fill(trade).new])
    if found.outcome.repaired and page.refused:
        # A row that could not be read may have been one of the missing.
        return Outcome(repaired=False, reason=page.refused, final=True)
    return found.outcome


def _first_open(tape: ContiguousTape, gap: TradeGap, at: int) -> int | None:
    return next((hole.start for hole in tape.open(gap) if hole.start >= at), None)
