"""Rejected input as people read it: counted by reason, with samples of what came."""

from cloud_marketdata.api.schemas import RejectionCount, Rejections, RejectionSample
from cloud_marketdata.domain.events import Rejection
from cloud_marketdata.domain.values import NS_PER_MS
from cloud_marketdata.storage.ports import Quarantine


async def rejections_data(quarantine: Quarantine, samples: int) -> Rejections:
    """Read the counts and the newest `samples`."""
    counts = sorted((await quarantine.counts()).items())
    return Rejections(
        counts=[
            RejectionCount(venue=venue.value, reason=reason, count=count)
            for (venue, reason), count in counts
        ],
        samples=[_sample(kept) for kept in await quarantine.samples(samples)],
    )


def _sample(kept: Rejection) -> RejectionSample:
    return RejectionSample(
        venue=kept.venue.value,
        symbol=kept.symbol,
        reason=kept.reason,
        detail=kept.detail,
        # Refused bytes need not be text; what is not is shown by its escapes.
        sample=kept.sample.decode("utf-8", "backslashreplace"),
        received_ts=kept.received_at // NS_PER_MS,
    )
