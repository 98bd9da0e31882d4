"""Entries as Redis returns them, read back into what the log promises."""

from cloud_marketdata.storage.packing import unpack_events
from cloud_marketdata.storage.ports import Record
from cloud_marketdata.storage.redis.server import Reply
from cloud_marketdata.storage.redis.spans import position_of, stamped_times
from cloud_marketdata.storage.timed import TimedRecord


def record(found: Reply) -> Record:
    """Return an entry without its times; raises StorageError where its block is broken."""
    identity, (_, _, _, block) = found
    return Record(position_of(identity), unpack_events(block))


def timed_record(found: Reply) -> TimedRecord:
    """Return an entry with its times; raises StorageError where its block is broken."""
    identity, (_, stamp, _, block) = found
    return TimedRecord(position_of(identity), *stamped_times(stamp), unpack_events(block))
