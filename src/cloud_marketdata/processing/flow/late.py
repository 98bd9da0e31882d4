"""A minute that had been told when another of its trades came.

What depends on the tape alone is made again from all trades of the minute; what was seen with the
book or by a detector stays as it was told. Both is said: `late` counts the trades, and `revision`
grows by as many, so that it does not depend on how they came together.
"""

from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.flow import FlowMinute, Reading
from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.domain.signal import Subject
from cloud_marketdata.processing.flow.clusters import clustered, rescaled
from cloud_marketdata.processing.flow.moments import Scene
from cloud_marketdata.processing.metrics.delta_path import DeltaPath

_PATH: Final = DeltaPath.name


def mended(minute: FlowMinute, trades: Sequence[TradeEvent], count: int) -> FlowMinute:
    """Return the minute with `count` late trades inside; `trades` are all of it that there are.

    Where fewer are left than had been told, its readings stay and only `late` is told.
    """
    noted = replace(minute, late=minute.late + count, revision=minute.revision + count)
    old = minute.readings.get(_PATH)
    if old is None:
        return noted
    ordered = sorted(trades, key=lambda trade: (trade.exchange_time, trade.sequence))
    instrument, path, outside = _again(minute.instrument, ordered)
    if not ordered or int(str(path["trades"])) < int(str(old["trades"])):
        return noted
    readings: dict[str, Reading] = {**minute.readings, _PATH: path}
    if outside:
        readings["off_book"] = {"trades": outside}
    if instrument.scale != minute.instrument.scale:
        # The other readings are counted on the minute's own grid.
        return noted
    return replace(noted, readings=readings)


def _again(instrument: Instrument, trades: Sequence[TradeEvent]) -> tuple[Instrument, Reading, int]:
    taken, outside = clustered(trades)
    scale = instrument.scale
    for one in taken:
        scale = scale.meet(one.instrument.scale)
    scene = Scene(Subject.market(instrument.venue, instrument.symbol), instrument)
    path = DeltaPath()
    for one in taken:
        factors = one.instrument.scale.factors(scale)
        path.on_cluster(
            scene, one.cluster if factors == (1, 1) else rescaled(one.cluster, *factors)
        )
    return replace(instrument, scale=scale), path.reading(scene), len(outside)
