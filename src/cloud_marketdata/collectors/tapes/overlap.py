"""What the newest trades that a venue remembers prove of a gap between two trades we have.

If both are among the rows, whatever lies between them was all there was. If the first is not, the
rows begin too late: they are worth having and prove nothing. If the second is not, the rows say
nothing of where the gap ends. REST might number its trades unlike the stream, which no document
rules out; both ends are then found by what they say, and nothing outside of them is taken. Pure.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from msgspec.structs import replace

from cloud_marketdata.collectors.tapes.gaps import Outcome, TradeGap, match_of
from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.values import Side

OTHER_IDS = "REST and stream give different ids, the ends were found by time, price and size"


class Overlap(NamedTuple):
    """The rows that belong into the gap, ascending, and what they prove."""

    trades: Sequence[TradeEvent]
    outcome: Outcome


class Place(NamedTuple):
    """Where an end of the gap is among the rows; not `sure` where several rows look like it."""

    at: int
    sure: bool


def overlap(rows: Sequence[TradeEvent], gap: TradeGap) -> Overlap:
    """Compare a venue's newest trades, ascending, with the ends of a gap."""
    if gap.ends is None:
        return _nothing("the trades at its ends are not known", final=True)
    after, before = gap.ends
    stop = _place(rows, before)
    if stop is None:
        return _without_end(rows, before)
    start = _place(rows[: stop.at], after, newest=True)
    if start is not None:
        between = _as_stored(rows[start.at + 1 : stop.at], rows[start.at], after)
        same = rows[start.at].id == after.id and rows[stop.at].id == before.id
        return Overlap(between, _proof(sure=start.sure and stop.sure, same=same))
    if any(row.id == after.id for row in rows[stop.at :]):
        # Two connections brought them in the other order, so nothing is between them.
        return Overlap((), Outcome(repaired=True))
    # Of the match that `after` is in nobody can say which came later.
    newer = [row for row in rows[: stop.at] if match_of(row) > match_of(after)]
    reason = "not proven repaired: the trades the venue remembers begin after the gap does"
    return Overlap(newer, Outcome(repaired=False, reason=reason, final=True))


def _proof(*, sure: bool, same: bool) -> Outcome:
    if sure:
        return Outcome(repaired=True, reason="" if same else OTHER_IDS)
    reason = f"not proven repaired: {OTHER_IDS}, and several look alike"
    return Outcome(repaired=False, reason=reason, final=True)


def _without_end(rows: Sequence[TradeEvent], before: TradeEvent) -> Overlap:
    if rows and match_of(rows[-1]) > match_of(before):
        return _nothing("the venue does not remember the trade after the gap", final=True)
    return _nothing("the venue does not tell the trade after the gap yet", final=False)


def _nothing(reason: str, *, final: bool) -> Overlap:
    return Overlap((), Outcome(repaired=False, reason=reason, final=final))


def _place(rows: Sequence[TradeEvent], end: TradeEvent, *, newest: bool = False) -> Place | None:
    """Find an end of the gap by its id, else by what it says: of several the innermost."""
    places = [at for at, row in enumerate(rows) if row.id == end.id]
    if not places:
        said, match = _content(end), match_of(end)
        places = [
            at for at, row in enumerate(rows) if match_of(row) == match and _content(row) == said
        ]
    return Place(places[-1 if newest else 0], sure=len(places) == 1) if places else None


def _content(trade: TradeEvent) -> tuple[Decimal, Decimal, Side]:
    # As numbers: the grid may have been refined since the trade was stored.
    scale = trade.instrument.scale
    return scale.price(trade.price), scale.size(trade.size), trade.side


def _as_stored(
    rows: Sequence[TradeEvent], told: TradeEvent, stored: TradeEvent
) -> Sequence[TradeEvent]:
    """Count places inside the first match as the stream did: the rows may begin amid a match."""
    shift = stored.sequence - told.sequence
    if not shift:
        return rows
    match = match_of(told)
    return [
        replace(row, sequence=row.sequence + shift) if match_of(row) == match else row
        for row in rows
    ]
