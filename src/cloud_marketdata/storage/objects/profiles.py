"""A closed day's profile as a Parquet file: seven integer columns, and the rest in the footer.

Columns are ticks, lots and ticks times lots; the footer says what one tick and one lot are, and
carries the bar, the span of the tape and the SHA-256 of the content. Damage is refused.
"""

from collections.abc import Mapping, Sequence

import msgspec

from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.domain.aggregate import Aggregate, state_hash
from cloud_marketdata.domain.bar import Bar
from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.domain.profile import Row, VolumeProfile
from cloud_marketdata.domain.tape import TapeSpan
from cloud_marketdata.domain.values import Timeframe
from cloud_marketdata.storage.objects.sealed import Sealed, read_sealed, write_sealed

_FORM = "1"


class _Day(msgspec.Struct):
    """What the footer says beside the columns."""

    instrument: Instrument
    start: int
    position: int
    revision: int
    late: int
    row_ticks: int
    bar: Bar | None
    span: TapeSpan | None


def write_profile(day: Aggregate) -> bytes:
    """Encode a closed day."""
    said = _Day(
        instrument=day.instrument,
        start=day.start,
        position=day.position,
        revision=day.revision,
        late=day.late,
        row_ticks=day.profile.row_ticks,
        bar=day.bar,
        span=day.span,
    )
    columns = list(zip(*day.profile.rows(), strict=True)) or [()] * len(Row._fields)
    about = {
        "tick": str(day.scale.tick),
        "lot": str(day.scale.lot),
        "sha256": state_hash([day]),
    }
    named = dict(zip(Row._fields, columns, strict=True))
    return write_sealed(Sealed(_FORM, msgspec.json.encode(said), named, about))


def read_profile(data: bytes) -> Aggregate:
    """Decode what `write_profile` wrote; raises StorageError on damage or another format."""
    said, columns = read_sealed(data, _FORM)
    try:
        day = msgspec.json.decode(said, type=_Day)
        profile = _profile(day, columns)
    except (KeyError, ValueError, TypeError) as error:
        msg = f"it is damaged: {error}"
        raise StorageError(msg) from error
    aggregate = Aggregate(day.instrument, Timeframe.D1, day.start)
    aggregate.position, aggregate.revision, aggregate.late = day.position, day.revision, day.late
    aggregate.final, aggregate.bar, aggregate.span = True, day.bar, day.span
    aggregate.profile = profile
    return aggregate


def _profile(day: _Day, columns: Mapping[str, Sequence[str]]) -> VolumeProfile:
    row, *cells = (list(map(int, columns[name])) for name in Row._fields)
    rows = dict(zip(row, map(list, zip(*cells, strict=True)), strict=True))
    return VolumeProfile(day.instrument.scale, day.row_ticks, rows)
