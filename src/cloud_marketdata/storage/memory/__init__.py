"""Every port in memory: complete, simple, and the reference the other backends are held to.

Nothing survives the process, and nothing is shared with another one.
"""

from cloud_marketdata.storage.memory.stores import (
    memory_hot,
    memory_objects,
    memory_stores,
    memory_warm,
)

__all__ = ["memory_hot", "memory_objects", "memory_stores", "memory_warm"]
