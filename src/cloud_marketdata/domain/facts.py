"""What collectors told of a market's streams, folded into the rows of its coverage ledger.

Trades and facts are two streams of the log, read apart; so facts write rows of their own and never
touch those of the trade ids. Whatever the two have to say of one another is joined when it is read.
"""

from typing import Final

from msgspec.structs import replace

from cloud_marketdata.domain.coverage import CoverageState
from cloud_marketdata.domain.events import StatusEvent, StatusKind
from cloud_marketdata.domain.sheet import Layer, Row, Sheet, settled
from cloud_marketdata.domain.values import NS_PER_MS

MOST_GAPS: Final = 1_000
AWAY: Final = "no collector was running"
LOST_MESSAGE: Final = "a message of the stream was lost"
_GAP_STATES: Final = {
    StatusKind.TRADE_GAP: CoverageState.UNKNOWN,
    StatusKind.TRADES_UNREPAIRED: CoverageState.UNKNOWN,
    StatusKind.TRADES_REPAIRED: CoverageState.REPAIRED,
}
_Detail = dict[str, int | str]


class TradeFacts:
    """Gaps, doubts and connections of a tape.

    A gap that is not repaired stays open, so that what is told of it later finds it; the oldest of
    more than a thousand is settled as it is.
    """

    def __init__(self, sheet: Sheet, *, contiguous: bool) -> None:
        self._sheet = sheet
        self._links = not contiguous
        held = sheet.find(Layer.LINK, only_open=True)
        self._held = held[-1] if held else None

    def fold(self, event: StatusEvent) -> None:
        """Take one fact."""
        if event.kind in _GAP_STATES:
            self._gap(event)
        elif event.kind is StatusKind.TRADES_DOUBTED:
            self._doubt(event)
        elif self._links:
            self._link(event)

    def _gap(self, event: StatusEvent) -> None:
        detail, state = event.detail, _GAP_STATES[event.kind]
        name = str(detail.get("after_id", detail["from_ms"]))
        old = self._sheet.rows.get(f"{Layer.GAP}:{name}")
        # What is settled is over, whether or not it is still at hand: a restart reads it no more.
        old = old if old and old.open else None
        fixed = state is CoverageState.REPAIRED
        found_at = event.received_at if event.kind is StatusKind.TRADE_GAP else None
        row = Row(
            Layer.GAP,
            name,
            _time(detail, "from_ms"),
            _time(detail, "to_ms"),
            state,
            open=not fixed,
            low=_beside(detail, "after_id", 1),
            high=_beside(detail, "before_id", -1),
            trades=int(detail["filled"]) if fixed and "filled" in detail else None,
            reason=str(detail.get("reason", "")),
            found_at=old.found_at if old else found_at,
            settled_at=event.received_at if fixed else None,
        )
        self._sheet.put(row)
        if old is None:
            self._bound()

    def _bound(self) -> None:
        gaps = self._sheet.find(Layer.GAP, only_open=True)
        for row in gaps[: max(0, len(gaps) - MOST_GAPS)]:
            self._sheet.put(settled(row))

    def _doubt(self, event: StatusEvent) -> None:
        detail = event.detail
        first, last = _time(detail, "from_ms"), _time(detail, "to_ms")
        row = Row(
            Layer.DOUBT,
            f"{first}-{last}",
            first,
            last,
            CoverageState.UNKNOWN,
            open=False,
            reason=str(detail.get("reason", "")),
            found_at=event.received_at,
        )
        self._sheet.put(row)

    def _link(self, event: StatusEvent) -> None:
        held = self._held
        if event.kind is StatusKind.ALIVE and event.detail.get("trades"):
            begun = held or _begun(Layer.LINK, event.received_at, CoverageState.UNBROKEN)
            self._held = replace(begun, last=max(begun.last, event.received_at))
            self._sheet.put(self._held)
        elif held and event.kind in {StatusKind.TRADES_LOST, StatusKind.STARTED}:
            lost = event.kind is StatusKind.TRADES_LOST
            _settle(self._sheet, held, _time(event.detail, "since_ms") if lost else held.last)
            self._held = None


class BookFacts:
    """The states of a book, one after the other; the last one is open and grows with every word."""

    def __init__(self, sheet: Sheet) -> None:
        self._sheet = sheet
        held = sheet.find(Layer.BOOK, only_open=True)
        self._now = held[-1] if held else None

    def fold(self, event: StatusEvent) -> None:
        """Take one fact."""
        kind, at = event.kind, event.received_at
        if kind is StatusKind.BOOK_SYNCED:
            self._synced(at)
        elif kind is StatusKind.ALIVE:
            self._alive(at, synced=event.detail.get("book") == "synced")
        elif kind in {StatusKind.BOOK_GAP, StatusKind.BOOK_LOST}:
            since = _time(event.detail, "since_ms") if "since_ms" in event.detail else at
            self._lost(since, at, str(event.detail.get("reason", LOST_MESSAGE)))
        elif kind is StatusKind.STARTED:
            self._away(at)

    def _synced(self, at: int) -> None:
        now = self._now
        if now and now.state is CoverageState.COMPLETE:
            self._grow(now, at)
            return
        if now:
            at = max(at, now.last)
            _settle(self._sheet, now, at)
        self._begin(at, at, CoverageState.COMPLETE)

    def _alive(self, at: int, *, synced: bool) -> None:
        now = self._now
        if synced and (now is None or now.state is not CoverageState.COMPLETE):
            self._synced(at)
        elif now and synced is (now.state is CoverageState.COMPLETE):
            self._grow(now, at)

    def _lost(self, since: int, at: int, reason: str) -> None:
        now = self._now
        if now and now.state is not CoverageState.COMPLETE:
            told = reason if now.state is CoverageState.MISSING else now.reason
            self._grow(replace(now, reason=told), at)
            return
        if now:
            since = max(since, now.first)
            _settle(self._sheet, now, since)
        self._begin(since, max(since, at), CoverageState.MISSING, reason)

    def _away(self, at: int) -> None:
        now = self._now
        if now is None:
            return
        if now.state is CoverageState.UNKNOWN:
            self._grow(now, at)
            return
        _settle(self._sheet, now, now.last)
        self._begin(now.last, max(now.last, at), CoverageState.UNKNOWN, AWAY)

    def _grow(self, row: Row, at: int) -> None:
        self._now = replace(row, last=max(row.last, at))
        self._sheet.put(self._now)

    def _begin(self, first: int, last: int, state: CoverageState, reason: str = "") -> None:
        self._now = replace(_begun(Layer.BOOK, first, state), last=last, reason=reason)
        self._sheet.put(self._now)


def _begun(layer: Layer, at: int, state: CoverageState) -> Row:
    return Row(layer, str(at), at, at, state, open=True)


def _settle(sheet: Sheet, row: Row, last: int) -> None:
    """End a row at `last`; one that has no length then was never there."""
    if last > row.first:
        sheet.put(settled(replace(row, last=last)))
    else:
        sheet.drop(row.key)


def _time(detail: _Detail, name: str) -> int:
    return int(detail[name]) * NS_PER_MS


def _beside(detail: _Detail, name: str, step: int) -> int | None:
    """Return the id next to the named one, where ids are numbers."""
    known = detail.get(name)
    return known + step if isinstance(known, int) else None
