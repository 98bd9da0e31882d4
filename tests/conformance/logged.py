"""What a collector would have logged of a capture, entry by entry."""

from collections.abc import Iterable
from pathlib import Path

from recordings import RECORDINGS, frames, player

from cloud_marketdata.storage.ports import Batch


def logged(data: Path, name: str) -> list[Batch]:
    """Play a capture through its collector and return every entry, in the order of arrival."""
    recording = RECORDINGS[name]
    made, entries = player(data, recording.venue), []

    def keep(taken: Iterable[Batch]) -> None:
        entries.extend(taken)

    made._fold = keep
    made.play(frames(data, recording))
    return entries
