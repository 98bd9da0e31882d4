"""A capture gives its frames byte for byte, or one clear line with file and place."""

import gzip
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from cloud_marketdata.simulator.capture import CaptureError, Frame, read_capture

DATA = Path(__file__).parents[3].parent / "shared" / "data"
LINES = b'1723161253937085768 {"a":1}\n1723161253937085769 {"b":[2, 3]}\n'
FRAMES = [
    Frame(1723161253937085768, b'{"a":1}'),
    Frame(1723161253937085769, b'{"b":[2, 3]}'),
]


def written(folder: Path, data: bytes) -> Path:
    path = folder / "capture"
    path.write_bytes(data)
    return path


def zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(data)


@pytest.mark.parametrize("packed", [bytes, gzip.compress, zstd])
def test_gzip_zstd_and_plain_give_the_same_frames(tmp_path, packed):
    assert list(read_capture([written(tmp_path, packed(LINES))])) == FRAMES


@pytest.mark.parametrize("packed", [gzip.compress, zstd])
def test_a_file_appended_to_is_read_to_its_end(tmp_path, packed):
    path = written(tmp_path, packed(LINES) + packed(LINES))
    assert list(read_capture([path])) == FRAMES * 2


def test_files_are_one_recording_in_the_order_given(tmp_path):
    first, second = tmp_path / "z", tmp_path / "a"
    first.write_bytes(LINES.splitlines()[0])
    second.write_bytes(LINES.splitlines()[1] + b"\n")
    assert list(read_capture([first, second])) == FRAMES


def test_microseconds_become_nanoseconds(tmp_path):
    path = written(tmp_path, b'1680652800004107 {"a":1}\n')
    assert next(read_capture([path])).received_at == 1680652800004107000


@given(
    payloads=st.lists(st.binary(max_size=30).filter(lambda b: b"\n" not in b), max_size=20),
    packed=st.sampled_from([bytes, gzip.compress, zstd]),
)
def test_any_payload_on_one_line_comes_back(tmp_path_factory, payloads, packed):
    frames = [Frame(10**17 + n, b"{" + body + b"}") for n, body in enumerate(payloads)]
    text = b"".join(b"%d %b\n" % frame for frame in frames)
    path = written(tmp_path_factory.mktemp("capture"), packed(text))
    assert list(read_capture([path])) == frames


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(CaptureError, match=r"nowhere\.gz: no such capture"):
        list(read_capture([tmp_path / "nowhere.gz"]))


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(CaptureError):
        list(read_capture([tmp_path]))


@pytest.mark.parametrize(
    "line",
    [b"", b"garbage", b"12 ", b'x {"a":1}', b'17 {"a":', b"17 [1]", b'{"a":1}', b'-1 {"a":1}'],
)
def test_a_broken_line_is_told_with_its_number(tmp_path, line):
    path = written(tmp_path, LINES + line + b"\n" + LINES)
    with pytest.raises(CaptureError, match=r"capture, line 3: not a frame"):
        list(read_capture([path]))


@pytest.mark.parametrize("packed", [gzip.compress, zstd])
@given(share=st.floats(0.05, 0.99))
def test_a_file_cut_short_is_never_taken_for_whole(tmp_path_factory, packed, share):
    text = b"".join(b'%d {"n":%d}\n' % (10**17 + n * 7919, n**3) for n in range(2000))
    whole = packed(text)
    path = written(tmp_path_factory.mktemp("capture"), whole[: int(len(whole) * share)])
    with pytest.raises(CaptureError, match="capture, "):
        list(read_capture([path]))


@pytest.mark.parametrize(
    ("files", "messages"),
    [
        (["spot_btcusdt_20240808", "spot_btcusdt_20240809"], 99_574),
        (["usdm_btcusdt_20240808"], 93_954),
        (["usdm_btcusdt_20230404", "usdm_btcusdt_20230405"], 73_765),
        (["bybit_linear_20260809"], 2_546),
    ],
)
def test_real_captures_hold_the_messages_their_page_names(files, messages):
    paths = [DATA / f"{name}.gz" for name in files]
    if not paths[0].exists():
        pytest.skip("the captures of ../shared/data are not here")
    assert sum(1 for _ in read_capture(paths)) == messages
