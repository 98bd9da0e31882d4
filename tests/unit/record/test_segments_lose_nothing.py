"""What was received is in a segment, whatever happens to the recorder or the disk."""

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from kept_frames import FRAMES, VENUE, disk_full_at, kept, recording
from structlog.testing import capture_logs
from virtual import NOW

from cloud_marketdata.core.errors import BadRequestError
from cloud_marketdata.record.names import plain, segments_of
from cloud_marketdata.record.segment import Segment
from cloud_marketdata.simulator.capture import Frame, read_capture

pytestmark = pytest.mark.anyio


async def test_rotated_and_packed_segments_hold_what_was_received_in_order(tmp_path):
    async with recording(tmp_path) as desk:
        desk.write(*FRAMES)
    files = segments_of(tmp_path, VENUE)
    assert kept(tmp_path) == FRAMES
    assert len(files) == desk.segments.made == desk.packer.packed > 5
    assert {path.suffix for path in tmp_path.iterdir()} == {".zst"}
    unpacked = [zstandard.ZstdDecompressor().decompress(path.read_bytes()) for path in files]
    assert max(map(len, unpacked)) <= 1_000


async def test_what_was_received_is_there_while_the_recorder_still_runs(tmp_path):
    async with recording(tmp_path) as desk:
        for number, frame in enumerate(FRAMES[:60], start=1):
            desk.write(frame)
            assert len(kept(tmp_path)) == number


async def test_a_segment_is_as_old_as_its_first_frame_and_the_next_one_finishes_it(tmp_path):
    async with recording(tmp_path, seconds=60) as desk:
        for seconds, made in [(100, 1), (59, 1), (2, 2), (59, 2), (1, 3)]:
            await desk.clock.move(seconds)
            desk.write(FRAMES[0])
            assert desk.segments.made == made


async def test_a_second_recorder_in_the_same_second_takes_another_file(tmp_path):
    async with recording(tmp_path) as one:
        one.write(Frame(NOW, b'{"one":1}'))
        theirs = tuple(plain(tmp_path, VENUE))
        # The start of the second one must not touch what the first one is writing.
        async with recording(tmp_path, leftovers=theirs) as two:
            two.write(Frame(NOW, b'{"two":2}'))
        assert two.packer.packed == 1
        one.write(Frame(NOW, b'{"one":2}'))
    payloads = [frame.payload for frame in kept(tmp_path)]
    assert payloads == [b'{"one":1}', b'{"one":2}', b'{"two":2}']


def test_an_existing_file_is_never_opened_for_writing(tmp_path):
    path = tmp_path / "segment"
    path.write_bytes(b"older")
    with pytest.raises(FileExistsError):
        Segment.create(path)
    assert path.read_bytes() == b"older"


@pytest.mark.parametrize("payload", [b"", b"pong", b"[1]", b'{"a":', b'"a"}'])
async def test_a_frame_that_no_line_can_hold_is_left_out_and_counted(tmp_path, payload):
    async with recording(tmp_path) as desk:
        for each in (b'{"a":1}', payload, b' {"a":\n2}\n'):
            desk.write(Frame(NOW, each))
        assert (desk.segments.frames, desk.segments.left_out) == (2, 1)
    assert [frame.payload for frame in kept(tmp_path)] == [b'{"a":1}', b'{"a": 2}']


@given(share=st.floats(0, 1))
def test_a_torn_last_line_costs_that_line_only(tmp_path_factory, share):
    text = b"".join(b"%d %s\n" % frame for frame in FRAMES)
    torn = text[: int(len(text) * share)]
    path = tmp_path_factory.mktemp("segments") / "capture"
    path.write_bytes(torn)
    # A line that lacks nothing but its end is whole.
    whole = torn.count(b"\n") + text.startswith(torn + b"\n")
    assert list(read_capture([path, path])) == FRAMES[:whole] * 2


def test_a_torn_line_is_told_with_its_file(tmp_path):
    path = tmp_path / "capture"
    path.write_bytes(b'1723161253937085768 {"a":1}\n1723161253937085769 {"b":{}')
    with capture_logs() as logs:
        assert len(list(read_capture([path]))) == 1
    assert [(log["event"], log["file"]) for log in logs] == [("capture.torn_last_line", str(path))]


@pytest.mark.parametrize("end", [b'17 {"b"\n', b"garbage", b'17 ["b"'])
def test_what_is_not_the_beginning_of_a_last_line_is_refused(tmp_path, end):
    path = tmp_path / "capture"
    path.write_bytes(b'1723161253937085768 {"a":1}\n' + end)
    with pytest.raises(BadRequestError, match="line 2: not a frame"):
        list(read_capture([path]))


async def test_when_the_disk_refuses_what_was_written_stays_and_one_error_tells(tmp_path):
    async with recording(tmp_path, size=1_000_000) as desk:
        with disk_full_at(1_234):
            desk.write(*FRAMES)
        desk.write(*FRAMES)
    segments = desk.segments
    assert segments.failed.is_set()
    assert segments.error.startswith(f"cannot write to {tmp_path}")
    assert 0 < segments.frames < len(FRAMES)
    assert kept(tmp_path) == FRAMES[: segments.frames]
    assert segments_of(tmp_path, VENUE)[0].read_bytes().endswith(b"\n")


async def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(BadRequestError, match="cannot record to"):
        async with recording(tmp_path / "file" / "folder"):
            pass
