"""Compact, exact, canonical bytes for what the stores keep.

A block is one version byte and a msgpack envelope of columns, so a reader in any process and of any
later release can tell what it holds. A version it does not know is refused, never guessed.
"""

from cloud_marketdata.storage.packing.aggregates import pack_aggregate, unpack_aggregate
from cloud_marketdata.storage.packing.blocks import pack_events, unpack_events
from cloud_marketdata.storage.packing.coverage import (
    pack_marks,
    pack_row,
    unpack_marks,
    unpack_row,
)
from cloud_marketdata.storage.packing.keys import pack_key, unpack_key
from cloud_marketdata.storage.packing.reconciled import pack_reconciled, unpack_reconciled
from cloud_marketdata.storage.packing.views import pack_view, unpack_view

__all__ = [
    "pack_aggregate",
    "pack_events",
    "pack_key",
    "pack_marks",
    "pack_reconciled",
    "pack_row",
    "pack_view",
    "unpack_aggregate",
    "unpack_events",
    "unpack_key",
    "unpack_marks",
    "unpack_reconciled",
    "unpack_row",
    "unpack_view",
]
