"""API keys in memory; records are immutable and are handed out as they are."""

from collections.abc import Sequence

from msgspec.structs import replace

from cloud_marketdata.storage.security_ports import KeyRecord


class MemoryKeys:
    """KeyRepository in memory; nothing waits inside, so every change is alone."""

    def __init__(self) -> None:
        self._records: dict[str, KeyRecord] = {}

    async def find(self, key_id: str) -> KeyRecord | None:
        """Return the record as it stands, or None."""
        return self._records.get(key_id)

    async def all(self) -> list[KeyRecord]:
        """Return every record, sorted by creation and id."""
        return sorted(self._records.values(), key=lambda one: (one.created_at, one.id))

    async def change(self, records: Sequence[KeyRecord]) -> bool:
        """Store each record, all or none; see the port."""
        stored = {one.id: self._records.get(one.id) for one in records}
        revisions = {key_id: one.revision if one else 0 for key_id, one in stored.items()}
        if any(one.revision != revisions[one.id] + 1 for one in records):
            return False
        for one in records:
            self._records[one.id] = _no_younger(one, stored[one.id])
        return True

    async def touch(self, key_id: str, used_at: int) -> None:
        """Note a use; a time before the stored one changes nothing."""
        stored = self._records.get(key_id)
        if stored and stored.used_at < used_at:
            self._records[key_id] = replace(stored, used_at=used_at)


def _no_younger(record: KeyRecord, stored: KeyRecord | None) -> KeyRecord:
    """Return the record with the later of both last uses."""
    seen = stored.used_at if stored else 0
    return record if record.used_at >= seen else replace(record, used_at=seen)
