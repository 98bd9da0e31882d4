"""The figures of the markets that this process works on, from its owners and what they count."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

from cloud_marketdata.core.telemetry import catalogue as told
from cloud_marketdata.core.telemetry.metric import Sample
from cloud_marketdata.domain.values import NS_PER_S
from cloud_marketdata.processing.owner import Owner
from cloud_marketdata.processing.tally import Tally
from cloud_marketdata.storage.ports import Stream

_UNSAVED: Final = "unsaved buckets"


def crew_figures(
    owners: Mapping[Stream, Owner], tally: Tally, held_most: int, now: int
) -> Iterator[Sample]:
    """Tell how owners stand at `now` (ns); of unsaved buckets each may have `held_most`."""
    workers = {stream: owner.worker for stream, owner in owners.items() if owner.worker}
    yield told.WORKERS.of(len(workers))
    yield told.OWNED.of(len(workers), "process")
    yield told.WORKERS_IN_TROUBLE.of(sum(bool(owner.trouble) for owner in owners.values()))
    for stream, worker in workers.items():
        lag = max(0, now - worker.saved_until) / NS_PER_S
        yield told.PROCESSING_LAG.of(lag, stream.venue.value)
    unsaved = max((worker.windows.unsaved for worker in workers.values()), default=0)
    yield told.QUEUE.of(unsaved, _UNSAVED)
    yield told.QUEUE_BOUND.of(held_most, _UNSAVED)
    yield told.TENURES_LOST.of(tally["lost"])
    yield told.TOO_LATE.of(tally["too_late"])
    yield told.SIGNALS.of(tally["flow_signals"], "market")
    yield from tally.processed.measures()


def pair_figures(tally: Counter[str]) -> Iterator[Sample]:
    """Tell what came of comparing venues."""
    yield told.TENURES_LOST.of(tally["lost"])
    yield told.SIGNALS.of(tally["signals"], "pair")
