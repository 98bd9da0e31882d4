"""What two servers might read in two ways is refused by this one, and the connection with it."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tls_site import said, site

pytestmark = pytest.mark.anyio

_SECOND = b"GET /second HTTP/1.1\r\nhost: x\r\n\r\n"
_BODY = b"POST / HTTP/1.1\r\nhost: x\r\n"
_AMBIGUOUS = {
    "length and chunks": _BODY
    + b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and length": _BODY
    + b"transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n",
    "two lengths": _BODY + b"content-length: 0\r\ncontent-length: 34\r\n\r\n",
    "two equal lengths": _BODY + b"content-length: 0\r\ncontent-length: 0\r\n\r\n",
    "two lengths in one": _BODY + b"content-length: 0, 34\r\n\r\n",
    "a negative length": _BODY + b"content-length: -1\r\n\r\n",
    "a length with a sign": _BODY + b"content-length: +0\r\n\r\n",
    "a length in hex": _BODY + b"content-length: 0x0\r\n\r\n",
    "a length without end": _BODY + b"content-length: 99999999999999999999999\r\n\r\n",
    "an unknown coding": _BODY + b"transfer-encoding: cow\r\n\r\n",
    "a coding after chunks": _BODY + b"transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "chunks twice": _BODY + b"transfer-encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "a chunk of no number": _BODY + b"transfer-encoding: chunked\r\n\r\nxyz\r\n",
    "a chunk that is longer": _BODY + b"transfer-encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
    "a chunk with a bare line end": _BODY + b"transfer-encoding: chunked\r\n\r\n1\na\n0\n\n",
    "a folded line": b"GET / HTTP/1.1\r\nhost: x\r\n folded\r\n\r\n",
    "a folded first line": b"GET / HTTP/1.1\r\n host: x\r\n\r\n",
    "bare line feeds": b"GET / HTTP/1.1\nhost: x\n\n",
    "one bare line feed": b"GET / HTTP/1.1\r\nhost: x\nx-smuggled: y\r\n\r\n",
    "a bare carriage return": b"GET / HTTP/1.1\r\nhost: x\rx-smuggled: y\r\n\r\n",
    "a space before a colon": b"GET / HTTP/1.1\r\nhost : x\r\n\r\n",
    "a name of nothing": b"GET / HTTP/1.1\r\n: x\r\n\r\n",
    "a null": b"GET / HTTP/1.1\r\nhost: x\0y\r\n\r\n",
    "a space in the address": b"GET /a b HTTP/1.1\r\nhost: x\r\n\r\n",
    "another version": b"GET / HTTP/3.7\r\nhost: x\r\n\r\n",
    "the preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "an unknown method": b"GETS / HTTP/1.1\r\nhost: x\r\n\r\n",
    "TLS": b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03",
}


@pytest.mark.parametrize("ambiguous", _AMBIGUOUS.values(), ids=_AMBIGUOUS)
async def test_it_is_refused_and_what_follows_is_never_read(ambiguous):
    async with site() as served:
        answer = await said(served.port, ambiguous + _SECOND)
        assert answer.closed
        assert answer.octets.count(b"HTTP/1.1 ") == 1
        assert answer.status == 400
        assert served.door.refused == {"malformed": 1}


_LONG = {
    "a line": b"GET / HTTP/1.1\r\nx-long: " + b"x" * 40_000 + b"\r\n\r\n",
    "a name": b"GET / HTTP/1.1\r\n" + b"x" * 40_000 + b": y\r\n\r\n",
    "an address": b"GET /" + b"x" * 40_000 + b" HTTP/1.1\r\n\r\n",
    "many lines": b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 101 + b"\r\n",
    "a line without end": b"GET / HTTP/1.1\r\nx-long: " + b"x" * 2_000_000,
    "an address without end": b"GET /" + b"x" * 2_000_000,
}


@pytest.mark.parametrize("long", _LONG.values(), ids=_LONG)
async def test_a_head_that_is_too_long_is_refused_long_before_its_end(long):
    async with site() as served:
        answer = await said(served.port, long)
        assert answer.closed
        assert answer.status in {431, None}  # the answer may be lost under what is still sent
        assert served.door.refused == {"head_too_large": 1}


async def test_a_head_as_long_as_allowed_is_answered():
    lines = b"".join(b"x-%d: %s\r\n" % (number, b"y" * 300) for number in range(95))
    async with site() as served:
        whole = b"GET / HTTP/1.1\r\n" + lines + b"connection: close\r\n\r\n"
        assert (await said(served.port, whole)).status == 200


async def test_pipelined_questions_are_answered_in_their_order():
    last = b"GET /?size=3 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
    posted = _BODY + b"content-length: 4\r\n\r\nbody"
    async with site() as served:
        answer = await said(served.port, posted + _SECOND + last)
    bodies = [part.split(b"\r\n\r\n", 1)[1] for part in answer.octets.split(b"HTTP/1.1 200")[1:]]
    assert [body.split(b"\r\n")[1] for body in bodies] == [b"4", b"0", b"xxx"]


async def test_what_follows_an_upgrade_that_is_not_made_is_no_question():
    asked = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n"
    async with site(patience_s=0.5) as served:
        answer = await said(served.port, asked + _SECOND, patience_s=0.5)
        assert answer.octets.count(b"HTTP/1.1 200") == 1


@given(garbage=st.binary(min_size=1, max_size=300))
def test_no_garbage_breaks_it(garbage):
    async def talk() -> None:
        async with site(patience_s=0.2) as served:
            first = await said(served.port, garbage + b"\r\n\r\n", patience_s=2)
            assert first.closed
            last = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
            assert (await said(served.port, last)).status == 200

    asyncio.run(talk())
