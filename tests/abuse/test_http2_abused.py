"""HTTP/2 and TLS by who means no good: frames, heads and handshakes of one's own."""

import socket
import ssl
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from fortress import HEADER_S, Fortress, besieged
from h2abuse import DataFrame, Frames, Said, fields, frames_to
from hyperframe.frame import (
    ContinuationFrame,
    PingFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)
from rawhttp import dialled, fresh_address, trusting

from cloud_marketdata.core.clock import SystemClock

ROOT = Path(__file__).parents[2]
CALM = 11
MANY = 4000


@pytest.fixture(scope="module")
def keep(tmp_path_factory) -> Fortress:
    """Return a service of its own that speaks TLS."""
    folder = tmp_path_factory.mktemp("keep")
    certs = folder / "certs"
    subprocess.run([ROOT / "scripts" / "make-certs", certs], check=True, capture_output=True)
    named = {
        "MARKETDATA_TLS_CERTIFICATE": str(certs / "server.pem"),
        "MARKETDATA_TLS_KEY": str(certs / "server-key.pem"),
    }
    with besieged(folder, **named) as found:
        yield found
        assert "Traceback" not in found.log.read_text()
        assert found.keys.found_in(found.log.read_text() + found.chronicle.text()) == []


def asked(keep: Fortress, *changed: tuple[bytes, bytes]) -> Said:
    """Ask once, with header fields replaced or added."""
    names = {name for name, _ in changed}
    head = [pair for pair in fields(keep.door) if pair[0] not in names]
    with frames_to(keep.door, fresh_address()) as frames:
        # Names with a colon come first, or the head is malformed by that alone.
        head = sorted([*head, *changed], key=lambda pair: pair[0][:1] != b":")
        frames.send(frames.asking(1, head))
        return frames.said(1)


def is_well(keep: Fortress) -> None:
    clock = SystemClock()
    begun = clock.monotonic()
    assert asked(keep, (b"x-api-key", keep.key("all").encode())).statuses == {1: 200}
    assert clock.monotonic() - begun < 3


def test_a_key_counts_over_http2_as_over_any(keep):
    assert asked(keep).statuses == {1: 401}
    assert asked(keep, (b"x-api-key", keep.key("guessed").encode())).statuses == {1: 401}
    is_well(keep)


def test_two_keys_over_http2_are_none(keep):
    key = keep.key("all").encode()

    said = asked(keep, (b"x-api-key", key), (b"authorization", b"Bearer " + key))

    assert said.statuses == {1: 401}


METHODS = (b"", b"get", b"WEBSOCKET", b"CONNECT", b"G\xffT", b"GET /health", b"A" * 5000)
PATHS = (
    b"",
    b"*",
    b"v1/keys",
    b"http://x/v1/keys",
    b"/\xff",
    b"/v1/ke ys",
    b"//v1/keys",
    b"/v1/keys#",
)
HEADERS = (
    (b"x-a", b"b\r\nx-api-key: d"),
    (b"x-a", b"\x00"),
    (b"X-API-Key", b"b"),
    (b"x a", b"b"),
    (b"connection", b"close"),
    (b"transfer-encoding", b"chunked"),
    (b"host", b"evil.example"),
    (b":path", b"/health"),
    (b":evil", b"x"),
    (b"content-length", b"5"),
    (b"content-length", b"-1"),
    (b"upgrade", b"websocket"),
    (b"", b"x"),
)


@pytest.mark.parametrize("method", METHODS)
def test_no_method_of_http2_opens_anything(keep, method):
    said = asked(keep, (b":method", method))

    assert all(400 <= status < 500 for status in said.statuses.values())
    assert said.statuses or said.resets or said.goodbye is not None
    is_well(keep)


@pytest.mark.parametrize("path", PATHS)
def test_no_path_of_http2_opens_anything(keep, path):
    said = asked(keep, (b":path", path))

    assert all(400 <= status < 500 for status in said.statuses.values())
    assert said.statuses or said.resets or said.goodbye is not None


@pytest.mark.parametrize("header", HEADERS)
def test_no_header_of_http2_is_read_in_two_ways(keep, header):
    with frames_to(keep.door, fresh_address()) as frames:
        frames.send(frames.asking(1, [*fields(keep.door), header]))
        said = frames.said(1)

    assert all(400 <= status < 500 for status in said.statuses.values())
    assert said.statuses or said.resets or said.goodbye is not None


def rapid_resets(frames: Frames, keep: Fortress) -> list:
    head = fields(keep.door)
    numbers = range(1, 2 * MANY, 2)
    return [f for n in numbers for f in (frames.asking(n, head), RstStreamFrame(n, 8))]


def provoked_resets(frames: Frames, keep: Fortress) -> list:
    head = fields(keep.door)
    numbers = range(1, 2 * MANY, 2)
    widest = 2**31 - 1
    return [
        f
        for n in numbers
        for f in (frames.asking(n, head, "END_HEADERS"), WindowUpdateFrame(n, widest))
    ]


def late_data(frames: Frames, keep: Fortress) -> list:
    head = fields(keep.door)
    numbers = range(1, 2 * MANY, 2)
    return [f for n in numbers for f in (frames.asking(n, head), DataFrame(n, b"x"))]


def endless_head(frames: Frames, keep: Fortress) -> list:
    begin = frames.asking(1, fields(keep.door), "END_STREAM")
    return [begin, *(ContinuationFrame(1, b"\x00\x01a\x01b" * 1000) for _ in range(1000))]


def unpacked_head(frames: Frames, keep: Fortress) -> list:
    large = (b"x-a", b"a" * 3900)
    first = frames.asking(1, [*fields(keep.door), large])
    return [first, frames.asking(3, [*fields(keep.door), *[large] * 3000])]


FLOODS = {
    "rapid resets": rapid_resets,
    "resets that we are made to send": provoked_resets,
    "data behind the end": late_data,
    "a head without end": endless_head,
    "a head that unpacks to megabytes": unpacked_head,
}


@pytest.mark.parametrize("how", FLOODS)
def test_who_floods_is_sent_away(keep, how):
    before = keep.resident_mb()
    with frames_to(keep.door, fresh_address()) as frames:
        frames.send(*FLOODS[how](frames, keep))
        # Nothing is answered under this number, so it reads until the connection ends.
        said = frames.said(0, 10)
    assert len(said.statuses) < MANY / 2
    is_well(keep)
    assert keep.resident_mb() - before < 64


@pytest.mark.parametrize(
    "frame", [PingFrame(0, b"12345678"), SettingsFrame(0)], ids=["ping", "settings"]
)
def test_frames_that_want_an_answer_each_hold_up_nobody(keep, frame):
    with frames_to(keep.door, fresh_address()) as frames:
        frames.send(*[frame] * 20_000)
        is_well(keep)


def test_who_takes_no_answer_holds_up_nobody(keep):
    with frames_to(keep.door, fresh_address()) as frames:
        frames.send(SettingsFrame(0, {SettingsFrame.INITIAL_WINDOW_SIZE: 0}))
        head = [*fields(keep.door), (b"x-api-key", keep.key("all").encode())]
        frames.send(*[frames.asking(number, head) for number in range(1, 200, 2)])
        is_well(keep)


def test_questions_on_one_connection_meet_the_limit_of_the_address(keep):
    address, said = fresh_address(), []
    for _ in range(4):
        with frames_to(keep.door, address) as frames:
            head = [*fields(keep.door), (b"x-api-key", keep.key("guessed").encode())]
            for number in range(1, 100, 2):
                frames.send(frames.asking(number, head))
                said.append(frames.said(number).statuses.get(number))

    assert said[-1] == 429
    assert said.count(401) < 125


def test_a_handshake_that_does_not_end_is_left(keep):
    clock = SystemClock()
    for first in (b"", b"\x16\x03\x01\x02\x00\x01\x00", b"GET / HTTP/1.1\r\n"):
        with closing(socket.create_connection(keep.door[:2], 10)) as plain:
            begun = clock.monotonic()
            plain.sendall(first)
            try:
                while plain.recv(4096):
                    pass
            except ConnectionError:
                pass
            assert clock.monotonic() - begun < HEADER_S + 5


def test_tls_before_1_3_is_refused(keep):
    context = trusting()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with (
        closing(socket.create_connection(keep.door[:2], 10)) as plain,
        pytest.raises((ssl.SSLError, ConnectionError)),
    ):
        context.wrap_socket(plain)


def test_hundreds_of_handshakes_that_do_not_begin_hold_up_nobody(keep):
    idle = [socket.create_connection(keep.door[:2], 10) for _ in range(300)]
    try:
        is_well(keep)
    finally:
        for connection in idle:
            connection.close()


def test_http1_over_tls_is_as_strict(keep):
    with closing(dialled(keep.door, fresh_address())) as connection:
        connection.sendall(b"POST /mcp HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n")
        connection.sendall(b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
        assert connection.recv(4096).startswith(b"HTTP/1.1 400 ")
