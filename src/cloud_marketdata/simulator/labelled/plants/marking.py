"""How a plant says what it did, in the words of the truth."""

from collections.abc import Sequence
from typing import NamedTuple

from cloud_marketdata.domain.signal import SignalKind
from cloud_marketdata.domain.values import Side
from cloud_marketdata.simulator.labelled.session import Session
from cloud_marketdata.simulator.labelled.truth import Truth, Zone
from cloud_marketdata.simulator.market import Fill


class Mark(NamedTuple):
    """A kind, its size in words, what else it may cause, and when it began."""

    kind: SignalKind
    size: str
    also: tuple[SignalKind, ...]
    start: int

    def traded(self, session: Session, fills: Sequence[Fill]) -> None:
        """Label an event made of these trades, which ends now."""
        prices = [fill.price for fill in fills]
        zone = Zone(min(prices), max(prices), sum(fill.size for fill in fills))
        side = Side.BUY if fills[0].buy else Side.SELL
        ids = fills[0].id, fills[-1].id
        self._add(session, Truth(*self._head(session), side, zone, *ids, self.also))

    def happened(self, session: Session, zone: Zone | None = None) -> None:
        """Label an event without trades, which ends now."""
        self._add(session, Truth(*self._head(session), zone=zone, also=self.also))

    def _head(self, session: Session) -> tuple[SignalKind, str, int, int]:
        return self.kind, self.size, self.start, session.now

    def _add(self, session: Session, truth: Truth) -> None:
        session.truths.append(truth)


def mark(session: Session, kind: SignalKind, size: str, *also: SignalKind) -> Mark:
    """Begin an event now."""
    return Mark(kind, size, also, session.now)
