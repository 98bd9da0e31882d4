"""What `/health` tells of the journal."""

from collections.abc import Iterator

from cloud_marketdata.core.health import Pulse
from cloud_marketdata.core.telemetry.catalogue import JOURNAL_BYTES, JOURNAL_REFUSED
from cloud_marketdata.core.telemetry.metric import Sample
from cloud_marketdata.domain.values import NS_PER_MS
from cloud_marketdata.storage.journal.log import JournaledLog


class JournalPulse:
    """`ok` while the journal is empty, else `filling`; `full` where it or its disk has no room."""

    def __init__(self, log: JournaledLog) -> None:
        self._log = log

    def measures(self) -> Iterator[Sample]:
        """See core.telemetry.metric.Measured."""
        yield JOURNAL_BYTES.of(self._log.journal.bytes)
        yield JOURNAL_REFUSED.of(self._log.refused)

    async def pulse(self) -> Pulse:
        """See core.health.Component."""
        log, journal, drain = self._log, self._log.journal, self._log.drain
        waits = journal.entries > 0
        full = bool(log.unkept) or (waits and log.full)
        state = "full" if full else "filling" if waits else "ok"
        detail: dict[str, object] = {
            "entries": journal.entries,
            "bytes": journal.bytes,
            "since_ms": journal.since // NS_PER_MS if journal.since is not None else None,
            "drained": drain.moved,
            "restamped": drain.restamped,
            "refused": log.refused,
            "torn_bytes": journal.torn,
            "longest_s": round(drain.longest_s, 1),
            "error": drain.error,
            "unkept": log.unkept,
        }
        return Pulse("tiers", "journal", state, ok=state == "ok", detail=detail)
