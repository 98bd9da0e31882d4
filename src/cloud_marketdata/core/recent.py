"""What was used lately, bounded by bytes: the least recently used makes room.

Whoever keeps something here says how much it weighs; what is heavier than the bound is not kept.
"""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, NamedTuple, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class _Kept(NamedTuple, Generic[V]):
    value: V
    weight: int


class Recent(Generic[K, V]):
    """A mapping of at most `most_bytes`; `evicted` counts what made room, or found none."""

    def __init__(self, most_bytes: int) -> None:
        self.evicted = 0
        self.bytes = 0
        self._most_bytes = most_bytes
        self._kept: OrderedDict[K, _Kept[V]] = OrderedDict()

    def __len__(self) -> int:
        """How many are kept."""
        return len(self._kept)

    def get(self, key: K) -> V | None:
        """Return what is kept under the key, which is thereby used, or None."""
        kept = self._kept.get(key)
        if kept is None:
            return None
        self._kept.move_to_end(key)
        return kept.value

    def keep(self, key: K, value: V, weight: int) -> None:
        """Keep a value that weighs so many bytes, in place of another under the key."""
        self._drop(key)
        if weight > self._most_bytes:
            self.evicted += 1
            return
        while self.bytes + weight > self._most_bytes:
            self._drop(next(iter(self._kept)))
            self.evicted += 1
        self._kept[key] = _Kept(value, weight)
        self.bytes += weight

    def _drop(self, key: K) -> None:
        kept = self._kept.pop(key, None)
        if kept is not None:
            self.bytes -= kept.weight
