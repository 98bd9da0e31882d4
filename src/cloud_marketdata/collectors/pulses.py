"""How the connections of a venue stand, in the words of `/health`."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from cloud_marketdata.collectors.connection.session import Session
from cloud_marketdata.collectors.lanes.desk import Desk
from cloud_marketdata.collectors.lanes.rulers import Rulers
from cloud_marketdata.domain.values import NS_PER_MS

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
    }


def counted(desks: Iterable[Desk]) -> dict[str, int]:
    """Sum up what was counted of the symbols, on all connections since they are collected."""
    total: Counter[str] = Counter()
    for desk in desks:
        total.update(desk.tally)
    return dict(total)


def versions(*rulers: Rulers) -> dict[str, int]:
    """Tell how often each symbol's grid had to be refined, from 1 on."""
    return {
        symbol: max(one[symbol].instrument.scale_version for one in rulers if symbol in one)
        for symbol in rulers[0]
    }


def delayed(desks: Iterable[Desk]) -> dict[str, int]:
    """Tell how late events come, by the venue's own times: negative where its clock is ahead.

    Of the newest batch of the latest symbol, and at most within the last ten seconds or more.
    """
    delays = [desk.delay for desk in desks if desk.delay.known]
    return {
        "newest": max((delay.newest for delay in delays), default=0) // NS_PER_MS,
        "largest": max((delay.largest for delay in delays), default=0) // NS_PER_MS,
    }
