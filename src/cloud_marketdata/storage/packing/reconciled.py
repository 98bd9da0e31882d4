"""Verdicts of reconciliation as bytes."""

import msgspec

from cloud_marketdata.domain.reconciled import Reconciled
from cloud_marketdata.storage.packing.envelope import seal, unseal

_records = msgspec.msgpack.Decoder(Reconciled)


def pack_reconciled(record: Reconciled) -> bytes:
    """Encode a record."""
    return seal(record)


def unpack_reconciled(data: bytes) -> Reconciled:
    """Decode what `pack_reconciled` wrote; raises StorageError on another version or damage."""
    record: Reconciled = unseal(data, _records)
    return record
