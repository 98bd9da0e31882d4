"""Frames to keep, what became of them, and a disk that is full."""

import resource
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from virtual import NOW, VirtualClock

from cloud_marketdata.domain.values import Venue
from cloud_marketdata.record.names import segments_of
from cloud_marketdata.record.packing import Packer
from cloud_marketdata.record.segment import Segment
from cloud_marketdata.record.segments import Rotation, Segments
from cloud_marketdata.simulator.capture import Frame, read_capture

VENUE = Venue.BINANCE_SPOT
FRAMES = [Frame(NOW + n, b'{"n":%d,"x":"%s"}' % (n, b"x" * (n % 40))) for n in range(200)]


class Desk:
    """A recorder's segments, its clock and its packer."""

    def __init__(self, folder: Path, size: int, seconds: float) -> None:
        self.clock, self.packer = VirtualClock(), Packer()
        rotation = Rotation(size, seconds)
        self.segments = Segments(folder, VENUE, rotation, self.clock, self.packer)

    def write(self, *frames: Frame) -> None:
        """Keep frames."""
        for frame in frames:
            self.segments.write(frame.payload, frame.received_at)


@asynccontextmanager
async def recording(
    folder: Path, size: int = 1_000, seconds: float = 60.0, leftovers: tuple[Path, ...] = ()
) -> AsyncIterator[Desk]:
    """Record while the block runs; afterwards everything is packed."""
    desk = Desk(folder, size, seconds)
    yield desk
    desk.segments.close()
    desk.packer._finished.put_nowait(None)
    await desk.packer.run(list(leftovers))


def kept(folder: Path) -> list[Frame]:
    return list(read_capture(segments_of(folder, VENUE)))


def leftover(folder: Path, frames: list[Frame] = FRAMES) -> Path:
    """Leave a segment as a killed recorder does."""
    segment = Segment.create(folder / "binance-spot_20240808T235500Z.capture")
    for frame in frames:
        segment.write(b"%d %s\n" % frame)
    segment.close()
    return segment.path


@contextmanager
def disk_full_at(size: int) -> Iterator[None]:
    """Have the kernel refuse to let a file grow further: a real write error, after a part."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
