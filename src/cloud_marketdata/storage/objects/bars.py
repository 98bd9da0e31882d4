"""The bars of a closed day as a Parquet file: its hours, and the minutes that still exist.

One row is one bar; `timeframe` is `1h` or `1m`, each a row group of its own, and `start` is a
timestamp in UTC; it names no zone, because DuckDB would want a further package to hand it on. All
else are integers: ticks, lots, ticks times lots, and the match time in ns and the sequence of the
first and the last trade. The footer says what one tick and one lot are, and by `day` to which
content of the day the bars belong. All are on the grid of the day.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

import msgspec

from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.domain.aggregate import Aggregate, state_hash
from cloud_marketdata.domain.bar import Bar
from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.domain.values import NS_PER_MS, Timeframe
from cloud_marketdata.storage.objects.sealed import Sealed, read_sealed, write_sealed

_FORM = "bars 1"
_TIMEFRAMES: Final = (Timeframe.H1, Timeframe.M1)
_KEYS: Final = ("open_time_ns", "open_sequence", "close_time_ns", "close_sequence")
_FIELDS: Final = Bar.__struct_fields__[:-2]


class TimedBar(NamedTuple):
    """A bar and its bucket; `start` in ns."""

    timeframe: Timeframe
    start: int
    bar: Bar


class DayBars(msgspec.Struct, frozen=True):
    """The bars of one day, hours first, ascending, counted on the grid of `instrument`.

    day: hash of the day's aggregate they belong to (see state_hash). position: the log position
    that the day includes. start: of the day, in ns.
    """

    instrument: Instrument
    start: int
    position: int
    day: str
    bars: tuple[TimedBar, ...] = ()

    def of(self, timeframe: Timeframe) -> list[TimedBar]:
        """Return the bars of a timeframe, ascending."""
        return [one for one in self.bars if one.timeframe is timeframe]

    def content(self) -> str:
        """Hash the bars in decimals, so that it does not depend on their grid."""
        return state_hash(self._aggregates())

    def _aggregates(self) -> Iterator[Aggregate]:
        for one in self.bars:
            aggregate = Aggregate(self.instrument, one.timeframe, one.start)
            aggregate.bar = one.bar
            yield aggregate


def bars_of(day: Aggregate, parts: Iterable[Aggregate]) -> DayBars:
    """Return the bars of those hours and minutes that lie inside the day and have one.

    Raises OffGridError where one is on a grid that the day's does not hold.
    """
    inside = [
        TimedBar(part.timeframe, part.start, bar)
        for part in parts
        if part.timeframe in _TIMEFRAMES and day.start <= part.start < day.end
        if (bar := part.bar and part.bar.rescaled(*part.scale.factors(day.scale)))
    ]
    inside.sort(key=lambda one: (_TIMEFRAMES.index(one.timeframe), one.start))
    return DayBars(day.instrument, day.start, day.position, state_hash([day]), tuple(inside))


def write_bars(bars: DayBars) -> bytes:
    """Encode."""
    rows = [(one.timeframe, one.start // NS_PER_MS, *_cells(one.bar)) for one in bars.bars]
    names = ("timeframe", "start", *_FIELDS, *_KEYS)
    columns = list(zip(*rows, strict=True)) or [()] * len(names)
    scale, hours = bars.instrument.scale, len(bars.of(Timeframe.H1))
    about = {
        "tick": str(scale.tick),
        "lot": str(scale.lot),
        "sha256": bars.content(),
        "day": bars.day,
    }
    said = msgspec.structs.replace(bars, bars=())
    return write_sealed(
        Sealed(
            _FORM,
            msgspec.json.encode(said),
            dict(zip(names, columns, strict=True)),
            about,
            words=("timeframe",),
            times=("start",),
            groups=(hours,) if 0 < hours < len(rows) else (),
        )
    )


def read_bars(data: bytes) -> DayBars:
    """Decode what `write_bars` wrote; raises StorageError on damage or another format."""
    said, columns = read_sealed(data, _FORM)
    try:
        bars = msgspec.json.decode(said, type=DayBars)
        timeframes = map(Timeframe, columns.pop("timeframe"))
        starts = [ms * NS_PER_MS for ms in columns.pop("start")]
        cells = zip(*(map(int, columns[name]) for name in (*_FIELDS, *_KEYS)), strict=True)
        timed = zip(timeframes, starts, map(_bar, cells), strict=True)
        return msgspec.structs.replace(bars, bars=tuple(TimedBar(*one) for one in timed))
    except (KeyError, ValueError, TypeError) as error:
        msg = f"it is damaged: {error}"
        raise StorageError(msg) from error


def _cells(bar: Bar) -> tuple[int, ...]:
    return (*(getattr(bar, name) for name in _FIELDS), *bar.open_key, *bar.close_key)


def _bar(cells: Sequence[int]) -> Bar:
    *fields, open_time, open_sequence, close_time, close_sequence = cells
    named = dict(zip(_FIELDS, fields, strict=True))
    keys = (open_time, open_sequence), (close_time, close_sequence)
    return Bar(**named, open_key=keys[0], close_key=keys[1])
