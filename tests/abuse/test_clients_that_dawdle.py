"""Who speaks slowly holds a seat for a moment only, and holds up nobody."""

import time
from contextlib import closing, suppress

import pytest
from fortress import HEADER_S, Fortress
from rawhttp import dialled, fresh_address, written

from cloud_marketdata.core.clock import SystemClock

SLACK_S = 5


def seconds_until_closed(fortress: Fortress, first: bytes, drip: bytes, longest: float) -> float:
    """Send something, then a little every tenth of a second; return when the service closed."""
    clock = SystemClock()
    with closing(dialled(fortress.door, fresh_address())) as connection:
        begun = clock.monotonic()
        connection.sendall(first)
        connection.settimeout(0.1)
        while (passed := clock.monotonic() - begun) < longest:
            with suppress(TimeoutError):
                try:
                    if not connection.recv(65_536):
                        return passed
                except ConnectionError:
                    return passed
            with suppress(ConnectionError):
                connection.sendall(drip)
    return longest


SLOW = {
    "says nothing": (b"", b""),
    "a letter of the path at a time": (b"GET /", b"a"),
    "a header at a time": (b"GET /v1/markets HTTP/1.1\r\n", b"X-A: b\r\n"),
    "a letter of a header at a time": (b"GET /v1/markets HTTP/1.1\r\nX-A: ", b"b"),
    "empty lines": (b"", b"\r\n"),
}


@pytest.mark.parametrize("how", SLOW)
def test_who_does_not_say_what_it_wants_is_left(fortress, how):
    first, drip = SLOW[how]

    assert seconds_until_closed(fortress, first, drip, 12) < HEADER_S + SLACK_S


@pytest.mark.parametrize("framing", ["Content-Length: 1000", "Transfer-Encoding: chunked"])
def test_a_body_a_letter_at_a_time_is_not_waited_for(fortress, framing):
    name, _, value = framing.partition(": ")
    headers = {"X-API-Key": fortress.key("all"), name: value, "Content-Type": "application/json"}
    first = written(fortress.door, "/mcp", headers, method="POST")
    drip = b" " if name == "Content-Length" else b"1\r\n \r\n"

    assert seconds_until_closed(fortress, first, drip, 20) < 15


def test_a_handshake_of_a_websocket_a_letter_at_a_time_is_left(fortress):
    first = b"GET /v1/stream HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nX-A: "

    assert seconds_until_closed(fortress, first, b"b", 12) < HEADER_S + SLACK_S


def test_a_second_request_may_not_be_slower_than_the_first(fortress):
    first = written(fortress.door, "/v1/markets") + b"GET /"

    assert seconds_until_closed(fortress, first, b"a", 12) < HEADER_S + SLACK_S


def test_hundreds_that_say_nothing_hold_up_nobody(fortress):
    clock = SystemClock()
    idle = [dialled(fortress.door, fresh_address()) for _ in range(400)]
    try:
        for connection in idle[::2]:
            connection.sendall(b"GET /v1/markets HTTP/1.1\r\nX-A: ")
        begun = clock.monotonic()
        answers = [fortress.ask("/v1/markets", "all") for _ in range(10)]
        assert {answer.status for answer in answers} == {200}
        assert clock.monotonic() - begun < 5
    finally:
        for connection in idle:
            connection.close()


def test_who_asks_much_and_reads_nothing_costs_no_memory(fortress):
    before = fortress.resident_mb()
    headers = {"X-API-Key": fortress.key("all")}
    target = "/v1/markets/binance-spot/BTCUSDT/depth?levels=200"
    request = written(fortress.door, target, headers)
    address = fresh_address()
    with closing(dialled(fortress.door, address)) as connection:
        connection.settimeout(2)
        with suppress(TimeoutError, ConnectionError):
            for _ in range(4000):
                connection.sendall(request)
        time.sleep(1)
        assert fortress.ask("/v1/markets", "all").status == 200
        assert fortress.resident_mb() - before < 64
