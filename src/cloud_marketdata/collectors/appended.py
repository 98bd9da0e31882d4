"""What the log has acknowledged: trades and book events by market, and a trade's way there.

Received is since its match time, logged since its receipt. A trade that is filled in by REST counts
like any other: it really came that late.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import cast

from cloud_marketdata.core.telemetry.catalogue import BOOK_UPDATES, TRADES
from cloud_marketdata.core.telemetry.metric import Sample
from cloud_marketdata.core.telemetry.stage_times import StageTimes
from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.storage.ports import Batch, StreamKind

_COUNTED = {StreamKind.TRADES: TRADES, StreamKind.BOOK: BOOK_UPDATES}


class Appended:
    """Counts since the process began."""

    def __init__(self) -> None:
        self._received = StageTimes("received")
        self._logged = StageTimes("logged")
        self._counts: Counter[tuple[StreamKind, Venue, str]] = Counter()

    def note(self, batches: Iterable[Batch], now: int) -> None:
        """Take what is in the log since `now`, in ns."""
        for batch in batches:
            (venue, symbol, kind), events = batch.stream, batch.events
            if kind in _COUNTED:
                self._counts[kind, venue, symbol] += len(events)
            if kind is StreamKind.TRADES:
                # A stream of kind TRADES holds nothing else.
                self._time(venue, cast("Sequence[TradeEvent]", events), now)

    def measures(self) -> Iterator[Sample]:
        """See core.telemetry.metric.Measured."""
        for (kind, venue, symbol), count in self._counts.items():
            yield _COUNTED[kind].of(count, venue.exchange.value, venue.value, symbol)
        yield from self._received.measures()
        yield from self._logged.measures()

    def _time(self, venue: Venue, trades: Sequence[TradeEvent], now: int) -> None:
        receipts, delays = _counted(trades)
        self._received.lasted(venue, delays)
        self._logged.since(venue, receipts, now)


def _counted(trades: Sequence[TradeEvent]) -> tuple[dict[int, int], dict[int, int]]:
    """Return how many trades were received when, and how many so long after their match, in ns.

    Neighbours mostly came with one read or of one match, so they are counted as runs: that takes a
    third of the time that counting them one by one would take.
    """
    receipts: dict[int, int] = {}
    delays: dict[int, int] = {}
    received, matched, count = trades[0].received_at, trades[0].exchange_time, 0
    for trade in trades:
        if trade.exchange_time == matched and trade.received_at == received:
            count += 1
            continue
        receipts[received] = receipts.get(received, 0) + count
        delays[received - matched] = delays.get(received - matched, 0) + count
        received, matched, count = trade.received_at, trade.exchange_time, 1
    receipts[received] = receipts.get(received, 0) + count
    delays[received - matched] = delays.get(received - matched, 0) + count
    return receipts, delays
