"""What changed between two answers of one question, so that only that need be sent.

An answer is facts beside lists, and the items of a list have a key. An update holds all the facts,
the items that are new or different, and the keys of those that went.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

REMOVED: Final = "removed"


class Picture(NamedTuple):
    """An answer as JSON values: exactly the `data` and `meta` that REST gives."""

    data: Any
    meta: Mapping[str, Any]


class Change(NamedTuple):
    """What an update says; `meta` is None where it is not told again."""

    data: Mapping[str, Any]
    meta: Mapping[str, Any] | None


class Keyed(NamedTuple):
    """A list inside an answer and the field by which its items are known."""

    items: str
    key: str

    def change(self, old: Picture, new: Picture) -> Change | None:
        """Return what changed, or None where nothing did."""
        if old == new:
            return None
        changed, removed = differences(self._items(old), self._items(new), self.key)
        facts = new.data if isinstance(new.data, dict) else {}
        return Change({**facts, self.items: changed, REMOVED: removed}, new.meta)

    def _items(self, picture: Picture) -> Sequence[Mapping[str, Any]]:
        """Return the list, which may be the whole of the data."""
        found: Sequence[Mapping[str, Any]] = (
            picture.data[self.items] if isinstance(picture.data, dict) else picture.data
        )
        return found


def differences(
    old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]], key: str
) -> tuple[list[Mapping[str, Any]], list[Any]]:
    """Return the items that are new or different, in their order, and the keys that went."""
    before = {item[key]: item for item in old}
    changed = [item for item in new if before.pop(item[key], None) != item]
    return changed, list(before)
