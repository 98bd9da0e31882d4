"""Between a venue's connections and the log: whose each symbol is at this moment.

What is ours is stamped with the token of our lease, so that the log can refuse it once another one
has the symbol. Of what we only follow the newest trades are held and nothing is appended. All else
is left out: it comes from a connection that has not heard yet that the symbol is gone.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, cast

from cloud_marketdata.collectors.sharing.held import Held
from cloud_marketdata.collectors.sink import Sink
from cloud_marketdata.collectors.tapes.gaps import TradeGap
from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.storage.ports import Batch, BookView, StreamKind

_MOST: Final = 20_000
"""Trades held of a symbol: some minutes of the busiest one."""


class Custody:
    """A Sink before another one.

    fences: the token of each symbol that is ours, 0 where there are no leases. held: what we have
    heard of those that we follow. left_out: events of symbols that were neither.
    """

    def __init__(self, sink: Sink, hold_s: float) -> None:
        self.fences: dict[str, int] = {}
        self.held: dict[str, Held] = {}
        self.left_out = 0
        self.pushed_out = 0
        self._sink = sink
        self._hold_s = hold_s

    def submit(
        self,
        batches: Iterable[Batch],
        views: Iterable[BookView] = (),
        refined: Iterable[Instrument] = (),
    ) -> None:
        """See Sink."""
        ours = self.fences
        self._sink.submit(
            self._ours(batches),
            [view for view in views if view.instrument.symbol in ours],
            [instrument for instrument in refined if instrument.symbol in ours],
        )

    def when_full(self, pause: Callable[[], None], resume: Callable[[], None]) -> None:
        """See Sink."""
        self._sink.when_full(pause, resume)

    def own(self, symbols: Iterable[str], fences: Mapping[str, int]) -> None:
        """Append what comes of these symbols from now on; one that has a token keeps it."""
        for symbol in symbols:
            self.fences.setdefault(symbol, fences.get(symbol, 0))

    def disown(self, symbols: Iterable[str]) -> None:
        """Append nothing more of these symbols, whoever still brings it."""
        for symbol in symbols:
            self.fences.pop(symbol, None)

    def follow(self, symbol: str, at: int) -> None:
        """Hold what comes of a symbol from now on; `at` is now in ns."""
        self.held[symbol] = Held(self._hold_s, _MOST, at)

    def unfollow(self, symbol: str) -> Sequence[TradeEvent]:
        """Hold nothing more of a symbol, and return what was held."""
        held = self.held.pop(symbol)
        self.pushed_out += held.pushed_out
        return held.trades

    def repairing(self, repair: Callable[[str, TradeGap], None]) -> Callable[[str, TradeGap], None]:
        """Return what takes gaps in the place of `repair`: those of a shadow are not repaired."""

        def take(symbol: str, gap: TradeGap) -> None:
            held = self.held.get(symbol)
            if held:
                held.torn(gap)
            elif symbol in self.fences:
                repair(symbol, gap)

        return take

    def _ours(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        for batch in batches:
            symbol = batch.stream.symbol
            fence = self.fences.get(symbol)
            if fence is not None:
                yield batch._replace(fence=fence) if fence else batch
            elif symbol not in self.held:
                self.left_out += len(batch.events)
            elif batch.stream.kind is StreamKind.TRADES:
                # A stream of kind TRADES holds nothing else.
                self.held[symbol].keep(cast("Sequence[TradeEvent]", batch.events))
