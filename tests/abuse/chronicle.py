"""The audit log as it lies on the disk, read by what was written of whom."""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

Event = dict[str, Any]


class Chronicle:
    """Reads on in the files of a running service; nothing here uses the service's own reader."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "audit"
        self._read: dict[Path, int] = {}
        self._events: defaultdict[str, list[Event]] = defaultdict(list)

    def of(self, address: str) -> list[Event]:
        """Return what has been written of an address so far, oldest first."""
        self._catch_up()
        return self._events[address]

    def everything(self) -> list[Event]:
        """Return all events of all addresses."""
        self._catch_up()
        return [event for events in self._events.values() for event in events]

    def text(self) -> str:
        """Return the whole log as it lies there."""
        return "".join(path.read_text() for path in self._files())

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob("*/*.jsonl"))

    def _catch_up(self) -> None:
        for path in self._files():
            with path.open("rb") as file:
                file.seek(self._read.get(path, 0))
                whole, newline, _ = file.read().rpartition(b"\n")
            self._read[path] = self._read.get(path, 0) + len(whole) + len(newline)
            for line in filter(None, whole.split(b"\n")):
                event = json.loads(line)
                self._events[event.get("address", "")].append(event)
