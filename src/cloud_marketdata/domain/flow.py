"""What one minute of one market says besides its bar and profile: the readings of every fold."""

from msgspec import Struct

from cloud_marketdata.domain.instrument import Instrument

Reading = dict[str, int | float | str | bool | list[int | float] | None]
"""Figures of one fold for one minute. Prices are ticks, sizes lots, quote amounts ticks x lots."""


class FlowMinute(Struct, frozen=True):
    """The readings of the minute that begins at `start` ns, by the name of the fold.

    The integers are counted on the grid of `instrument`. `late` counts trades that came after the
    minute had been told; where that happened `revision` is above 0 and what depends on the tape
    alone was made again from all of the minute's trades. `warming` names the folds whose baselines
    were not full yet, `book_ms` how many of its milliseconds had a book that may be believed.
    """

    instrument: Instrument
    start: int
    readings: dict[str, Reading]
    book_ms: int = 0
    warming: tuple[str, ...] = ()
    late: int = 0
    revision: int = 0
