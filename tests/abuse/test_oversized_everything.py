"""More of anything than a question needs is refused before it is read, and costs no memory."""

import gzip
import json
from contextlib import closing

import pytest
from fortress import Fortress, refusal, said_by
from rawhttp import Answer, dialled, fresh_address, read_answer, written

MIB = 1 << 20
TRADES = "/v1/markets/binance-spot/BTCUSDT/trades"
TOOL = {"name": "get_market_depth", "arguments": {"venue": "binance-spot"}}


def poured(fortress: Fortress, head: bytes, piece: bytes, most: int) -> tuple[int, Answer]:
    """Send a beginning and then pieces until the service ends it; return how much it took.

    A service that closes on bytes it has not read resets the connection, and its answer may be
    lost on the way; that is an answer too.
    """
    address = fresh_address()
    fortress.expect(address, 1)
    fortress.stories[address] = head[:40]
    sent = 0
    with closing(dialled(fortress.door, address)) as connection:
        try:
            connection.sendall(head)
            while sent < most:
                connection.sendall(piece)
                sent += len(piece)
        except ConnectionError:
            pass
        answer = read_answer(connection)
    assert len(fortress.events(address)) == 1
    return sent, answer


ENDLESS = {
    "a path": (b"GET /v1/markets/", b"a" * 8192),
    "a query": (b"GET /v1/markets?x=", b"a" * 8192),
    "a header": (b"GET /v1/markets HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: ", b"a" * 8192),
    "a header's name": (b"GET /v1/markets HTTP/1.1\r\nHost: 127.0.0.1\r\n", b"A" * 8192),
    "headers": (b"GET /v1/markets HTTP/1.1\r\nHost: 127.0.0.1\r\n", b"X-A: b\r\n" * 1000),
}


@pytest.mark.parametrize("what", ENDLESS)
def test_what_does_not_end_is_cut_off(fortress, what):
    head, piece = ENDLESS[what]
    before = fortress.resident_mb()

    sent, answer = poured(fortress, head, piece, 32 * MIB)

    assert sent < 4 * MIB
    assert answer.status in {0, 400, 413, 414, 431}
    assert fortress.resident_mb() - before < 16


LARGE = {
    "a path": (414, "uri_too_long", "/v1/markets/" + "a" * 20_000, {}),
    "a query": (414, "uri_too_long", "/v1/markets?x=" + "a" * 20_000, {}),
    "a header": (431, "headers_too_large", "/v1/markets", {"X-A": "a" * 40_000}),
    "too many headers": (
        431,
        "headers_too_large",
        "/v1/markets",
        {f"X-{n}": "a" for n in range(300)},
    ),
    "a key": (431, "headers_too_large", "/v1/markets", {"X-API-Key": "cmd_live_" + "a" * 40_000}),
}


@pytest.mark.parametrize("what", LARGE)
def test_what_is_too_large_is_refused_by_its_code(fortress, what):
    status, code, target, headers = LARGE[what]
    address = fresh_address()

    answer = fortress.ask(target, headers=headers, address=address)

    assert refusal(answer) == (status, code)
    [event] = fortress.events(address)
    assert (event["code"], event["outcome"]) == (code, "refused")
    assert len(str(event)) < 4000


def rpc(**params: object) -> bytes:
    return json.dumps(
        {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    ).encode()


def test_a_body_of_a_told_length_is_refused_unread(fortress):
    head = written(
        fortress.door,
        "/mcp",
        {"X-API-Key": fortress.key("all"), "Content-Length": str(1 << 40)},
        method="POST",
    )

    sent, answer = poured(fortress, head, b" " * 65_536, 64 * MIB)

    assert sent < 8 * MIB
    assert refusal(answer) in {(413, "too_large"), (0, "")}


def test_a_body_of_no_length_is_cut_off(fortress):
    head = written(
        fortress.door,
        "/mcp",
        {
            "X-API-Key": fortress.key("all"),
            "Transfer-Encoding": "chunked",
            "Content-Type": "application/json",
        },
        method="POST",
    )
    before = fortress.resident_mb()

    sent, answer = poured(fortress, head, b"10000\r\n" + b" " * 65_536 + b"\r\n", 64 * MIB)

    assert sent < 16 * MIB
    assert refusal(answer) in {(413, "too_large"), (0, "")}
    assert fortress.resident_mb() - before < 32


def test_a_body_nobody_asked_for_is_not_kept(fortress):
    head = written(
        fortress.door,
        "/v1/markets",
        {"X-API-Key": fortress.key("all"), "Transfer-Encoding": "chunked"},
    )
    before = fortress.resident_mb()

    sent, answer = poured(fortress, head, b"10000\r\n" + b" " * 65_536 + b"\r\n", 64 * MIB)

    assert sent < 16 * MIB
    assert answer.status in {0, 200, 413}
    assert fortress.resident_mb() - before < 32


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "gzip, gzip"])
def test_a_packed_body_is_refused_unread(fortress, coding):
    bomb = gzip.compress(b" " * (64 * MIB))
    before = fortress.resident_mb()

    answer = fortress.ask(
        "/mcp", "all", {"Content-Encoding": coding}, method="POST", body=bomb[:60_000]
    )

    assert refusal(answer) == (415, "unsupported_encoding")
    assert fortress.resident_mb() - before < 32


@pytest.mark.parametrize("depth", [500, 100_000])
@pytest.mark.parametrize(
    ("left", "right"), [(b"[", b"]"), (b'{"a":', b"}")], ids=["lists", "objects"]
)
def test_a_deep_body_is_refused_and_breaks_nothing(fortress, depth, left, right):
    inner = left * depth + b"1" + right * depth
    body = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":' + inner + b"}"
    headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}

    answer = fortress.ask("/mcp", "all", headers, method="POST", body=body)

    assert answer.status in {400, 413}
    assert "error" in said_by(answer) or answer.code


@pytest.mark.parametrize("value", ["NaN", "Infinity", "1e309", "-1", "1e400", "9" * 5000, "[[1]]"])
def test_a_tool_takes_no_such_number(fortress, value):
    arguments = f'{{"venue":"binance-spot","symbol":"BTCUSDT","levels":{value}}}'
    call = f'{{"name":"get_market_depth","arguments":{arguments}}}'
    body = f'{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{call}}}'.encode()
    headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}

    answer = fortress.ask("/mcp", "all", headers, method="POST", body=body)

    said = said_by(answer)
    assert said.get("result", {}).get("isError") or "error" in said, answer.body[:300]


def test_a_batch_of_calls_is_no_way_around_their_cost(fortress):
    call = json.loads(rpc(**TOOL))
    body = json.dumps([{**call, "id": number} for number in range(100)]).encode()
    headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}

    answer = fortress.ask("/mcp", "all", headers, method="POST", body=body)

    assert answer.status == 400


MANY = {
    "channels": "/v1/stream/sse?channels=" + ",".join(["trades:binance-spot:BTCUSDT"] * 250),
    "venues": "/v1/composite/BTCUSDT/lead-lag?venues=" + ",".join(["binance-spot"] * 500),
    "unknown ones": f"{TRADES}?" + "&".join(f"a{n}=1" for n in range(900)),
    "limits": f"{TRADES}?" + "limit=1001&" * 700 + "limit=1002",
}


@pytest.mark.parametrize("what", MANY)
def test_more_parameters_than_there_are_questions_are_refused(fortress, what):
    address = fresh_address()

    answer = fortress.ask(MANY[what], "all", address=address)

    assert 400 <= answer.status < 500
    assert answer.code
    assert len(answer.body) < 100_000
    [event] = fortress.events(address)
    assert len(str(event)) < 20_000
