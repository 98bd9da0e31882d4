"""How the connections of a venue stand, in the words of `/health`."""

from collections.abc import Sequence
from typing import Final

from cloud_marketdata.collectors.session import Session

IDLE: Final = "idle"
"""There is nothing to collect, which is no trouble."""


def state_of(sessions: Sequence[Session], *, trouble: bool) -> str:
    """Return `connected` while every connection brings data, else how far it is."""
    if sessions and all(session.live for session in sessions):
        return "connected"
    return "disconnected" if trouble else "connecting"


def described(session: Session) -> dict[str, object]:
    """Describe a connection and the books on it."""
    link = session.link
    lanes = link.intake.lanes if link else {}
    books = [lane.sync for lane in lanes.values()]
    return {
        "connected": session.connected,
        "live": session.live,
        "frames": link.intake.frames if link else 0,
        "reconnects": session.reconnects,
        "rotations": session.rotations,
        "refused": link.refused if link else [],
        "suspicions": link.guard.suspicions if link else 0,
        "dead_streams": session.dead_streams,
        "books": {symbol: lane.sync.state.value for symbol, lane in lanes.items()},
        "book_gaps": sum(book.gaps for book in books),
        "book_refreshes": sum(book.refreshes for book in books),
        "book_refreshes_different": sum(book.refresh_different for book in books),
        "book_refreshes_failed": sum(book.refresh_failed for book in books),
        "ticker_equal": sum(lane.tickers.equal for lane in lanes.values()),
        "ticker_different": sum(lane.tickers.different for lane in lanes.values()),
        "duplicates": sum(lane.duplicates for lane in lanes.values()),
        "doubts": sum(lane.doubts for lane in lanes.values()),
    }
