"""Every labelled symbol of a venue as one source of frames, for a venue that is served."""

from collections.abc import Iterable, Iterator
from functools import partial
from heapq import merge
from operator import attrgetter

from msgspec import Struct

from cloud_marketdata.domain.values import Venue
from cloud_marketdata.simulator.capture import Frame
from cloud_marketdata.simulator.labelled.spec import Spec
from cloud_marketdata.simulator.labelled.truth import Line, Truth, TruthFile
from cloud_marketdata.simulator.labelled.venue import LabelledVenue
from cloud_marketdata.simulator.listing import Listing


class Labels(Struct, frozen=True):
    """What is planted, and the file the truth goes to, if any."""

    spec: Spec
    file: TruthFile | None


class LabelledMarkets:
    """The frames of a venue, without end, in the order in which they arrive."""

    def __init__(
        self, venue: Venue, listings: Iterable[Listing], labels: Labels, seed: int, start_ns: int
    ) -> None:
        self._file = labels.file
        self._markets = [
            LabelledVenue(
                venue, one, labels.spec, seed, start_ns, partial(self._keep, venue, one.symbol)
            )
            for one in listings
        ]

    def __iter__(self) -> Iterator[Frame]:
        return merge(*self._markets, key=attrgetter("received_at"))

    def _keep(self, venue: Venue, symbol: str, truth: Truth) -> None:
        if self._file:
            self._file.append(Line(venue, symbol, truth))
