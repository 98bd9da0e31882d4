"""Who opens connections and says nothing, or half of it, keeps nobody else from being answered."""

import asyncio
import resource
import ssl
from pathlib import Path

import pytest
import websockets
from tls_site import HOST, opened, said, site

from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.core.http import door
from cloud_marketdata.security.tls.certificates import Certificates

pytestmark = pytest.mark.anyio

_QUESTION = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
_HALVES = {
    "nothing": b"",
    "half a line": b"GET /",
    "half a head": b"GET / HTTP/1.1\r\nhost: x\r\nx-more: ",
    "line ends": b"\r\n\r\n\r\n",
    "half a body": b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n12345",
    "half a chunk": b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n3e8\r\n123",
}


@pytest.mark.parametrize("half", _HALVES.values(), ids=_HALVES)
async def test_who_says_half_of_it_is_told_so_and_closed(half):
    async with site(patience_s=0.2) as served:
        answer = await said(served.port, half)
        assert answer.closed
        assert answer.status == 408
        assert served.door.refused.total() == 1


@pytest.mark.parametrize("half", _HALVES.values(), ids=_HALVES)
async def test_dribbling_does_not_make_it_longer(half):
    more = b"\r\n" if not half.strip() else b"1"
    async with site(patience_s=0.3) as served:
        answer = await said(served.port, half, *[more] * 40, patience_s=1.0, pause_s=0.05)
    assert answer.closed
    assert answer.status == 408


async def test_a_second_question_has_its_own_time():
    async with site(patience_s=0.4) as served:
        whole = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"
        answer = await said(served.port, whole, whole, whole, b"GET", pause_s=0.2)
        assert answer.closed
        assert answer.octets.count(b"HTTP/1.1 200") == 3
        assert b"HTTP/1.1 408" in answer.octets


async def test_line_ends_after_an_answer_are_a_question_that_does_not_come():
    whole = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"
    async with site(patience_s=0.3) as served:
        answer = await said(served.port, whole, *[b"\r\n"] * 40, patience_s=1.0, pause_s=0.05)
        assert answer.closed
        assert served.door.refused == {"slow_head": 1}


async def test_an_answer_may_take_longer_than_the_question():
    async with site(patience_s=0.2) as served:
        question = _QUESTION.replace(b"/ ", b"/?wait=0.6 ")
        answer = await said(served.port, question)
        assert (answer.status, answer.closed) == (200, True)
        assert not served.door.refused


async def test_a_socket_that_was_upgraded_stays():
    upgrade = (
        b"GET / HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
        b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    async with site(patience_s=0.2) as served:
        answer = await said(served.port, upgrade, patience_s=0.7)
        assert (answer.status, answer.closed) == (101, False)


async def test_a_handshake_that_does_not_end_is_closed(pems):
    certificates = Certificates(pems.settings(), SystemClock())
    async with site(certificates.context, patience_s=0.3) as served:
        for half in (b"", b"\x16\x03\x01\x02\x00", b"GET / HTTP/1.1\r\n\r\n"):
            answer = await said(served.port, half)
            assert answer.closed
        assert served.door.refused == {"handshake": 3}


@pytest.mark.parametrize("secured", [False, True], ids=["plain", "tls"])
async def test_five_hundred_silent_sockets_keep_nobody_waiting(pems, secured, record_property):
    tls = Certificates(pems.settings(), SystemClock()).context if secured else None
    async with site(tls, patience_s=4) as served:
        clock = SystemClock()
        before = resident_kib()
        silent = [opened(served.port) for _ in range(500)]
        for number, socket in enumerate(silent):
            if number % 2 and not secured:
                socket.sendall(b"GET / HTTP/1.1\r\nx-half: ")
        await until_open(served, 500)
        took = []
        for _ in range(20):
            start = clock.monotonic()
            assert await answered(served.port, pems if secured else None)
            took.append(clock.monotonic() - start)
        grown = resident_kib() - before
        assert (await served.door.pulse()).detail["open"] >= 500
        await until_open(served, 0)
        for socket in silent:
            socket.settimeout(5)
            while socket.recv(4096):
                pass
            socket.close()
        assert served.door.refused.total() == 500
        told = f"longest answer {max(took) * 1000:.0f} ms, {grown / 500:.1f} KiB a socket"
        record_property("told", told)
        assert max(took) < 2
        assert grown < 500 * 64


def resident_kib():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() // 1024


async def until_open(served, count):
    async with asyncio.timeout(10):
        while (await served.door.pulse()).detail["open"] != count:  # noqa: ASYNC110  nobody tells
            await asyncio.sleep(0.05)


async def answered(port, pems):
    trust: ssl.SSLContext | None = pems.trust() if pems else None
    name = "localhost" if trust else None
    reader, writer = await asyncio.open_connection(HOST, port, ssl=trust, server_hostname=name)
    try:
        writer.write(_QUESTION)
        return b"200" in await reader.read()
    finally:
        writer.close()


async def test_a_handshake_that_fails_gives_its_place_back_at_once(pems):
    certificates = Certificates(pems.settings(), SystemClock())
    async with site(certificates.context, connections=1) as served:
        for _ in range(5):
            assert (await said(served.port, b"GET / HTTP/1.1\r\n\r\n")).closed
        assert served.door.refused == {"handshake": 5}


async def test_a_stop_closes_who_is_amid_the_handshake(pems):
    certificates = Certificates(pems.settings(), SystemClock())
    async with asyncio.timeout(3):
        async with site(certificates.context) as served:
            silent = opened(served.port)
            await asyncio.sleep(0.2)
    silent.settimeout(1)
    assert silent.recv(100) == b""
    silent.close()


async def test_a_websocket_that_ends_gives_its_place_back(monkeypatch):
    monkeypatch.setattr(door, "_SWEEP_S", 0.1)
    async with site(connections=2) as served:
        for _ in range(6):
            async with websockets.connect(f"ws://{HOST}:{served.port}/", proxy=None) as socket:
                await socket.send("hello")
                assert await socket.recv() == "hello"
            await asyncio.sleep(0.15)
        assert not served.door.refused


async def test_one_connection_too_many_is_closed_and_counted():
    async with site(connections=3) as served:
        kept = [opened(served.port) for _ in range(3)]
        await asyncio.sleep(0.1)
        answer = await said(served.port, _QUESTION)
        assert (answer.octets, answer.closed) == (b"", True)
        assert served.door.refused == {"full": 1}
        assert not (await served.door.pulse()).ok
        for socket in kept:
            socket.close()
        await until_open(served, 0)
        assert (await said(served.port, _QUESTION)).status == 200
