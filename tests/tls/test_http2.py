"""HTTP/2: what a strange client gets of it, and how far a hostile one comes."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import ConnectionTerminated, DataReceived, Event, ResponseReceived, StreamReset
from hyperframe.frame import ContinuationFrame, HeadersFrame
from tls_site import HOST, site

from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.core.http import sending
from cloud_marketdata.security.tls.certificates import Certificates

pytestmark = pytest.mark.anyio


class Peer:
    """A client that can misbehave."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Also what no client should send is sent.
        config = H2Configuration(validate_outbound_headers=False, normalize_outbound_headers=False)
        self.h2 = H2Connection(config)
        self.reader = reader
        self.writer = writer
        self.h2.initiate_connection()
        self.flush()

    def flush(self) -> None:
        """Send what is to be sent."""
        self.writer.write(self.h2.data_to_send())

    def ask(self, path: str = "/", *, ends: bool = True, method: str = "GET", **more: str) -> int:
        """Begin a question; returns the number of its stream."""
        number = self.h2.get_next_available_stream_id()
        head = {":method": method, ":scheme": "https", ":authority": "x", ":path": path, **more}
        self.h2.send_headers(number, list(head.items()), end_stream=ends)
        self.flush()
        return number

    async def events(self, seconds: float = 3.0) -> list[Event]:
        """Return what comes until the server closes, or until the time is over."""
        found: list[Event] = []
        try:
            async with asyncio.timeout(seconds):
                while data := await self.reader.read(65_536):
                    found += self.h2.receive_data(data)
                    self.flush()
        except (TimeoutError, ConnectionError):
            pass
        return found


@pytest.fixture
def tls(pems) -> ssl.SSLContext:
    return Certificates(pems.settings(), SystemClock()).context


@asynccontextmanager
async def peer_of(port, pems) -> AsyncIterator[Peer]:
    trust = pems.trust()
    trust.set_alpn_protocols(["h2"])
    reader, writer = await asyncio.open_connection(
        HOST, port, ssl=trust, server_hostname="localhost"
    )
    try:
        yield Peer(reader, writer)
    finally:
        writer.transport.abort()


def client(pems):
    return httpx2.AsyncClient(http2=True, verify=pems.trust(), trust_env=False)


async def test_many_questions_are_answered_on_one_connection(tls, pems):
    async with site(tls) as served, client(pems) as asking:
        url = f"https://localhost:{served.port}/"
        answers = await asyncio.gather(
            *(asking.post(url, content=b"x" * (number * 997)) for number in range(60))
        )
        assert [int(answer.text) for answer in answers] == [n * 997 for n in range(60)]
        assert {answer.http_version for answer in answers} == {"HTTP/2"}
        assert (await served.door.pulse()).detail["most"] == 1


async def test_bodies_that_nobody_reads_do_not_fill_the_connection(tls, pems):
    async with site(tls) as served, client(pems) as asking:
        for _ in range(30):
            url = f"https://localhost:{served.port}/unread"
            answer = await asyncio.wait_for(asking.post(url, content=b"x" * 5000), 3)
            assert answer.text == "0"


async def test_a_long_answer_arrives_whole(tls, pems):
    async with site(tls) as served, client(pems) as asking:
        answer = await asking.get(f"https://localhost:{served.port}/?size=5000000")
        assert answer.content == b"x" * 5_000_000


async def test_what_speaks_of_a_connection_of_http_1_is_left_out(tls, pems):
    async with site(tls) as served, client(pems) as asking:
        answer = await asking.get(f"https://localhost:{served.port}/rude")
        assert answer.status_code == 200
        assert not answer.headers.keys() & {"connection", "keep-alive"}


async def test_a_head_is_answered_without_a_body(tls, pems):
    async with site(tls) as served, client(pems) as asking:
        answer = await asking.head(f"https://localhost:{served.port}/?size=1000")
        assert (answer.status_code, answer.content) == (200, b"")


async def test_one_answer_that_fails_leaves_the_others_alone(tls, pems):
    async with site(tls) as served, client(pems) as asking:
        url = f"https://localhost:{served.port}"
        slow = asyncio.ensure_future(asking.get(f"{url}/?wait=0.3"))
        assert (await asking.get(f"{url}/broken")).status_code == 500
        assert (await slow).status_code == 200


async def test_a_client_that_goes_away_leaves_nothing_behind(tls, pems):
    async with site(tls) as served:
        async with peer_of(served.port, pems) as peer:
            for _ in range(20):
                peer.ask("/?size=10000000")
            await asyncio.sleep(0.1)
        async with asyncio.timeout(3):
            while served.server.server_state.tasks:  # noqa: ASYNC110  nobody tells
                await asyncio.sleep(0.01)
        assert (await served.door.pulse()).detail["open"] == 0


async def test_an_answer_waits_for_the_clients_window_and_not_for_ever(tls, pems, monkeypatch):
    monkeypatch.setattr(sending, "_STUCK_S", 0.4)
    async with site(tls) as served, peer_of(served.port, pems) as peer:
        number = peer.ask("/?size=10000000")
        events = await peer.events(1.5)
        got = sum(len(event.data) for event in events if isinstance(event, DataReceived))
        assert got == 65_535
        dropped = [event.stream_id for event in events if isinstance(event, StreamReset)]
        assert dropped == [number]
        assert served.door.refused == {"slow_reader": 1}


async def test_who_asks_and_takes_back_without_end_is_sent_away(tls, pems):
    async with site(tls) as served, peer_of(served.port, pems) as peer:
        # Not one more: what a closing server has not read would drown its last word.
        for _ in range(101):
            peer.h2.reset_stream(peer.ask("/?wait=5"))
            peer.flush()
        events = await peer.events()
        ends = [event for event in events if isinstance(event, ConnectionTerminated)]
        assert [end.error_code for end in ends] == [ErrorCodes.ENHANCE_YOUR_CALM]
        assert peer.reader.at_eof()
        assert served.door.refused == {"resets": 1}
        assert len(served.server.server_state.tasks) <= 100


async def test_questions_that_were_taken_back_count_while_they_are_answered(tls, pems):
    async with site(tls) as served, peer_of(served.port, pems) as peer:
        asked = [peer.ask("/?wait=1") for _ in range(90)]
        await asyncio.sleep(0.2)
        for number in asked:
            peer.h2.reset_stream(number)
        peer.flush()
        await asyncio.sleep(0.2)
        assert len(served.server.server_state.tasks) == 90
        numbers = [peer.ask() for _ in range(40)]
        events = await peer.events(0.5)
        refused = [event.stream_id for event in events if isinstance(event, StreamReset)]
        assert set(refused) < set(numbers)
        assert len(served.server.server_state.tasks) <= 100


async def test_more_questions_at_a_time_than_allowed_end_the_connection(tls, pems):
    async with site(tls) as served, peer_of(served.port, pems) as peer:
        for number in range(1, 303, 2):
            peer.h2.send_headers(number, [
                (":method", "GET"), (":scheme", "https"), (":authority", "x"), (":path", "/?wait=3")
            ], end_stream=True)  # fmt: skip
        peer.flush()
        await peer.events()
        assert peer.reader.at_eof()
        assert served.door.refused == {"malformed": 1}


async def test_half_a_question_is_dropped_in_time(tls, pems):
    async with site(tls, patience_s=0.3) as served, peer_of(served.port, pems) as peer:
        number = peer.ask(ends=False, method="POST")
        peer.h2.send_data(number, b"half")
        peer.flush()
        events = await peer.events(1)
        assert [e.stream_id for e in events if isinstance(e, StreamReset)] == [number]
        assert served.door.refused == {"slow_body": 1}


async def test_who_says_nothing_is_closed_and_pings_are_nothing(tls, pems):
    async with site(tls, patience_s=0.3) as served, peer_of(served.port, pems) as peer:

        async def ping() -> None:
            for _ in range(20):
                peer.h2.ping(b"12345678")
                peer.flush()
                await asyncio.sleep(0.05)

        async with asyncio.timeout(2), asyncio.TaskGroup() as tasks:
            pinging = tasks.create_task(ping())
            await peer.events(1.5)
            pinging.cancel()
        assert peer.reader.at_eof()


async def test_a_head_that_is_too_long_ends_the_connection(tls, pems):
    async with site(tls) as served, peer_of(served.port, pems) as peer:
        peer.ask(**{f"x-{number}": "y" * 1000 for number in range(60)})
        await peer.events()
        assert peer.reader.at_eof()
        assert served.door.refused.total() == 1


async def test_a_head_without_end_ends_the_connection(tls, pems):
    async with site(tls) as served, peer_of(served.port, pems) as peer:
        head = HeadersFrame(1, peer.h2.encoder.encode([(":method", "GET")]))
        peer.writer.write(head.serialize())
        for _ in range(2000):
            peer.writer.write(ContinuationFrame(1, b"\x00\x01x\x01y" * 100).serialize())
        await peer.events()
        assert peer.reader.at_eof()
        assert served.door.refused == {"head_too_large": 1}


_STRANGE = {
    "no path": {":path": ""},
    "a foreign path": {":path": "http://elsewhere/"},
    "two hosts": {"host": "elsewhere"},
    "a connection header": {"connection": "close"},
    "a coding": {"transfer-encoding": "chunked"},
    "capitals": {"X-Capital": "1"},
    "a line end": {"x-line": "a\r\nb: c"},
    "another length": {"content-length": "5"},
    "no length": {"content-length": "x"},
}


@pytest.mark.parametrize("strange", _STRANGE.values(), ids=_STRANGE)
async def test_a_strange_head_is_refused_and_never_answered(tls, pems, strange):
    async with site(tls) as served, peer_of(served.port, pems) as peer:
        head = {":method": "GET", ":scheme": "https", ":authority": "x", ":path": "/"} | strange
        peer.h2.send_headers(1, list(head.items()), end_stream=True)
        peer.flush()
        events = await peer.events(0.5)
        assert not any(isinstance(event, ResponseReceived) for event in events)
        assert served.door.refused == {"malformed": 1}


async def test_what_is_no_http_2_ends_the_connection(tls, pems):
    async with site(tls) as served, peer_of(served.port, pems) as peer:
        peer.writer.write(b"\xff" * 5000)
        await peer.events()
        assert peer.reader.at_eof()
        assert served.door.refused == {"head_too_large": 1}


async def test_a_stop_lets_an_answer_end(tls, pems):
    async with site(tls) as served, client(pems) as asking:
        url = f"https://localhost:{served.port}/"
        going = asyncio.ensure_future(asking.get(f"{url}?wait=0.5"))
        await asyncio.sleep(0.2)
        served.server.should_exit = True
        assert (await going).status_code == 200
