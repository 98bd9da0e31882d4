"""One labelled market through the real wire and the real stage, and what came of it."""

from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from cloud_marketdata.bench.scoring.judging import Window, score
from cloud_marketdata.bench.scoring.marks import Marks
from cloud_marketdata.bench.signals.wire import Wire
from cloud_marketdata.domain.instrument import Instrument, Scale
from cloud_marketdata.domain.signal import SignalKind
from cloud_marketdata.domain.values import NS_PER_S, Venue
from cloud_marketdata.processing.flow.offline import TapeAnalysis
from cloud_marketdata.simulator.capture import Frame
from cloud_marketdata.simulator.labelled.spec import Spec
from cloud_marketdata.simulator.labelled.truth import Truth
from cloud_marketdata.simulator.labelled.venue import LabelledVenue
from cloud_marketdata.simulator.listing import known
from cloud_marketdata.storage.ports import Batch

SYMBOL: Final = "BTCUSDT"
START: Final = 1_786_310_820 * NS_PER_S


class Market:
    """A labelled market of a seed, played once through its plan; `truths` are known afterwards."""

    def __init__(self, venue: Venue, spec: Spec, seed: int) -> None:
        listing = known(venue, SYMBOL)
        self.instrument = Instrument(venue, SYMBOL, Scale(listing.tick, listing.lot))
        self.truths: list[Truth] = []
        self.played = LabelledVenue(venue, listing, spec, seed, START, self.truths.append)
        self.wire = Wire(venue, [self.instrument], lambda: self.played.whole_book()[-1])
        self._until = 1 << 62

    @property
    def now(self) -> int:
        """How far it has been played, in ns."""
        return self.played.session.market.time

    def batches(self, until: int | None = None) -> Iterator[Batch]:
        """Yield the log of it, to the end of its plan, or to a time in ns."""
        return self.wire.batches(self._frames(until))

    def _frames(self, until: int | None) -> Iterator[Frame]:
        for frame in self.played:
            yield frame
            if self.played.done if until is None else frame.received_at >= until:
                return


class Scored(Struct):
    """The marks of one or more markets.

    seconds: of market time that were judged, after the warm-ups. repeated: trades that came again
    and were dropped and counted. warming: folds that were not full at an end.
    """

    marks: dict[SignalKind, Marks] = {}
    seconds: int = 0
    repeated: int = 0
    warming: tuple[str, ...] = ()

    def add(self, other: "Scored") -> None:
        """Count another market's as well."""
        for kind, marks in other.marks.items():
            self.marks.setdefault(kind, Marks()).add(marks)
        self.seconds += other.seconds
        self.repeated += other.repeated
        self.warming = tuple(sorted({*self.warming, *other.warming}))


def scored(venue: Venue, spec: Spec, seed: int) -> Scored:
    """Play, analyse with every registered fold, and judge what was told after the warm-up."""
    market = Market(venue, spec, seed)
    analysis = TapeAnalysis(market.instrument)
    for batch in market.batches():
        analysis.take(batch)
    analysed = analysis.end()
    window = Window(START + spec.warm_s * NS_PER_S, market.now)
    marks = score(market.truths, analysed.signals, window)
    seconds = (window.end - window.start) // NS_PER_S
    return Scored(marks, seconds, market.wire.repeated, analysed.warming)
