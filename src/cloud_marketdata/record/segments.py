"""The recording: one live segment at a time, and a new one when that is full or old.

Append-only. A frame that is no JSON object cannot stand on a capture's line; it is left out and
counted. When the disk refuses, nothing more is written, everything before stays valid, and
`failed` tells it once.
"""

import asyncio
from pathlib import Path
from typing import Final

import structlog
from msgspec import Struct

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.errors import BadRequestError
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.record.names import SegmentName, next_name
from cloud_marketdata.record.packing import Packer
from cloud_marketdata.record.segment import Segment

_ATTEMPTS: Final = 100


class Rotation(Struct, frozen=True):
    """When a segment is finished: at so many bytes, or at the first frame that is so late."""

    size: int
    seconds: float


class Segments:
    """Where frames are kept.

    `first` and `last` name the oldest segment and the live one, `made` counts them all, `frames`
    what they hold, `left_out` what no line can hold. `error` is set when writing has ended early.
    """

    def __init__(
        self, folder: Path, venue: Venue, rotation: Rotation, clock: Clock, packer: Packer
    ) -> None:
        """Make the first segment; raises BadRequestError where it cannot be made."""
        self.made = self.frames = self.left_out = 0
        self.error = ""
        self.failed = asyncio.Event()
        self.last: SegmentName
        self._began = 0.0
        self._folder = folder
        self._venue: Final = venue
        self._rotation = rotation
        self._clock = clock
        self._packer = packer
        self._log = structlog.get_logger().bind(venue=str(venue))
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._live = self._open()
        except OSError as error:
            msg = f"cannot record to {folder}: {error.strerror}"
            raise BadRequestError(msg) from error
        self.first = self.last

    def write(self, payload: bytes, received_at: int) -> None:
        """Append one frame as one line; never raises."""
        frame = payload.strip()
        if frame[:1] != b"{" or frame[-1:] != b"}":
            self.left_out += 1
            self._log.warning("record.left_out", frame=repr(payload[:60]))
            return
        if self.error:
            return
        try:
            # Inside JSON a line break is nothing but space.
            self._append(b"%d %s\n" % (received_at, frame.replace(b"\n", b" ")))
        except OSError as error:
            self._fail(error)

    def close(self) -> None:
        """Finish the live segment."""
        if self.error:
            self._live.close()
        else:
            self._packer.finished(self._live)

    def _append(self, line: bytes) -> None:
        now, live = self._clock.monotonic(), self._live
        full = live.size + len(line) > self._rotation.size
        if live.size and (full or now - self._began >= self._rotation.seconds):
            self._live = self._open()
            self._packer.finished(live)
        if not self._live.size:
            self._began = now
        self._live.write(line)
        self.frames += 1

    def _open(self) -> Segment:
        for _ in range(_ATTEMPTS):
            name = next_name(self._folder, self._venue, self._clock.now())
            try:
                segment = Segment.create(self._folder / str(name))
            except FileExistsError:
                # Another recorder took it, or packs what it takes for a leftover.
                continue
            self.last = name
            self.made += 1
            return segment
        raise FileExistsError(0, "others are always quicker to make a segment")

    def _fail(self, error: OSError) -> None:
        self.error = (
            f"cannot write to {self._live.path}: {error.strerror}; "
            f"the {self.frames} frames before that are kept"
        )
        self.failed.set()
