"""Records of API keys as bytes; the last use lies beside them, because it changes alone."""

import msgspec

from cloud_marketdata.storage.packing.envelope import seal, unseal
from cloud_marketdata.storage.security_ports import KeyRecord

_records = msgspec.msgpack.Decoder(KeyRecord)


def pack_key(record: KeyRecord) -> bytes:
    """Encode a record."""
    return seal(record)


def unpack_key(data: bytes, used_at: int) -> KeyRecord:
    """Decode what `pack_key` wrote, with the last use that lies beside it.

    Raises StorageError on another version or damage.
    """
    record: KeyRecord = unseal(data, _records)
    return msgspec.structs.replace(record, used_at=used_at)
