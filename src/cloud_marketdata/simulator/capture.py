"""Recorded frames, read back exactly as they came over the wire.

A capture is text, one frame a line: `<receive time> <raw JSON>`, plain or packed by gzip or zstd.
Several files are one recording in the order given. What a frame says is nobody's business here: a
frame with strange content is handed on, a line that is no frame is refused with its place. Only the
beginning of a line at a file's end, which a killed recorder leaves, is passed over and told.
"""

import gzip
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

import msgspec
import structlog
import zstandard

from cloud_marketdata.core.errors import BadRequestError

CHUNK: Final = 1 << 18
GZIP: Final = b"\x1f\x8b"
ZSTD: Final = b"\x28\xb5\x2f\xfd"
# Receive times below this are microseconds: as nanoseconds they would lie in January 1970.
FIRST_NS: Final = 10**17
_BEGUN: Final = re.compile(rb"\d+( (\{.*)?)?", re.DOTALL)


class CaptureError(BadRequestError):
    """A capture cannot be read; the text names the file and the line."""

    code = "bad_capture"


class Frame(NamedTuple):
    """One message as received: when (ns since the epoch, by the recorder's clock) and its bytes."""

    received_at: int
    payload: bytes


def read_capture(paths: Sequence[Path]) -> Iterator[Frame]:
    """Yield the frames of all files in order.

    Raises CaptureError at the first file that is missing, cut short or holds a line that is not
    `<receive time> <JSON object>`. A torn last line is no such line: a warning tells of it.
    """
    log = structlog.get_logger()
    for path in paths:
        number = 0
        try:
            with path.open("rb") as file:
                torn = partial(log.warning, "capture.torn_last_line", file=str(path))
                for number, line in enumerate(_lines(_unpacked(file), torn), start=1):
                    yield _frame(line, number)
        except _LineError as error:
            msg = f"{path}, {error}"
            raise CaptureError(msg) from error
        except FileNotFoundError as error:
            msg = f"{path}: no such capture"
            raise CaptureError(msg) from error
        except (OSError, EOFError, zlib.error, zstandard.ZstdError) as error:
            msg = f"{path}, after line {number}: {error}"
            raise CaptureError(msg) from error


class _LineError(ValueError):
    """The line was read but is no frame, so its own number is the one to tell."""


def _frame(line: bytes, number: int) -> Frame:
    stamp, _, payload = line.partition(b" ")
    if not (stamp.isdigit() and payload[:1] == b"{" and payload[-1:] == b"}"):
        msg = f"line {number}: not a frame: {line[:60]!r}"
        raise _LineError(msg)
    received_at = int(stamp)
    return Frame(received_at if received_at >= FIRST_NS else received_at * 1000, payload)


def _lines(chunks: Iterator[bytes], torn: Callable[..., object]) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        yield from lines
    if _is_torn(rest):
        torn(bytes_lost=len(rest))
    elif rest:
        yield rest


def _is_torn(rest: bytes) -> bool:
    """Whether a line without an end is the beginning of a frame and not all of it."""
    if not _BEGUN.fullmatch(rest):
        return False
    try:
        msgspec.json.decode(rest.partition(b" ")[2])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return True
    return False


def _unpacked(file: BinaryIO) -> Iterator[bytes]:
    magic = file.read(4)
    file.seek(0)
    if magic == ZSTD:
        return _unzstd(file)
    plain: BinaryIO = gzip.GzipFile(fileobj=file) if magic[:2] == GZIP else file  # type: ignore[assignment] # GzipFile reads like any binary file
    return iter(lambda: plain.read(CHUNK), b"")


def _unzstd(file: BinaryIO) -> Iterator[bytes]:
    """Decompress frame by frame, because the library's reader takes a cut file for a whole one."""
    decompressor = zstandard.ZstdDecompressor()
    current = decompressor.decompressobj()
    packed, whole = file.read(CHUNK), False
    while packed:
        yield current.decompress(packed)
        whole = current.eof
        packed = current.unused_data if whole else b""
        if whole:
            current = decompressor.decompressobj()
        packed = packed or file.read(CHUNK)
    if not whole:
        msg = "the zstd data is cut short"
        raise EOFError(msg)
