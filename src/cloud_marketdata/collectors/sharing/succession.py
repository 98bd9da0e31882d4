"""How a symbol that was only followed becomes ours: behind what the log tells of it.

The desk, its connections and its book stay as they are; its tape is replaced by the one that the
log tells, and what was held is poured through that. If our book was in sync before the last owner's
last word, nobody has to be told of a start: nothing was missed. Pure.
"""

from collections.abc import Sequence
from typing import Final

from cloud_marketdata.collectors.lanes.desk import Desk
from cloud_marketdata.collectors.restoring import StoredTape
from cloud_marketdata.collectors.tapes.tape import Tape
from cloud_marketdata.domain.events import StatusKind, TradeEvent
from cloud_marketdata.domain.values import NS_PER_MS, NS_PER_S

_AT_ONCE_NS: Final = 3 * NS_PER_S
"""A last word this young was that of one who gave the symbol to us; the book was told until then
and is told again from now on, as where one connection relieves another."""


def succeed(
    desk: Desk, tape: Tape, stored: StoredTape, held: Sequence[TradeEvent], at: int
) -> None:
    """Let a desk go on from a stored tape, of which `tape` was made; `at` is now in ns.

    What it had to say as a shadow must have been taken from it before.
    """
    desk.go_on(tape)
    leader = desk.leader
    if leader is None or leader.synced_at > stored.vouched_at:
        desk.tell(StatusKind.STARTED, at, {})
    elif at - stored.vouched_at > _AT_ONCE_NS:
        last = stored.vouched_at // NS_PER_MS
        since: dict[str, int | str] = {"since_ms": last, "reason": "its collector was gone"}
        desk.tell(StatusKind.BOOK_LOST, at, since)
    for trade in held:
        _pour(desk, trade, at)
    if leader:
        snapshot = leader.snapshot()
        desk.book.append(snapshot)
        leader.book_changed = True
        desk.tell(StatusKind.BOOK_SYNCED, at, {"update_id": snapshot.update_id})
    desk.alive(at)


def _pour(desk: Desk, trade: TradeEvent, at: int) -> None:
    verdict = desk.tape.admit(trade)
    if verdict.new:
        desk.trades.append(trade)
    if verdict.gap is not None:
        desk.found(verdict.gap, at)
