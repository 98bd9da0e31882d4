"""What is wrong with a request is told in one order, whatever else is wrong with it too."""

import asyncio

import pytest
from doorstep import HOST, MARKETS, Doorstep
from hypothesis import given
from hypothesis import strategies as st

# What can be wrong, in the order in which it is told, and how it is refused.
WRONG: dict[str, tuple[int, str]] = {
    "long address": (414, "uri_too_long"),
    "many headers": (431, "headers_too_large"),
    "two lengths": (400, "bad_request"),
    "long body": (413, "too_large"),
    "packed body": (415, "unsupported_encoding"),
    "foreign host": (421, "host_refused"),
    "foreign page": (403, "origin_refused"),
    "asked too often": (429, "quota_exceeded"),
    "key in address": (400, "key_in_query"),
    "bad key": (401, "key_invalid"),
    "no such call": (405, "method_not_allowed"),
    "wrong scope": (403, "scope_missing"),
}
STRANGER = "10.0.0.9"
KEY = "cmd_live_ab12cd34_" + "A" * 38
# Two of them say of one header what cannot both be said.
APART = ("two lengths", "long body"), ("bad key", "wrong scope")


@pytest.fixture(scope="module")
def stage() -> tuple[Doorstep, str]:
    """An application, a key for streams alone, and an address that has nothing left to ask."""
    door = Doorstep(limit_per_ip=1_000_000)
    asyncio.run(door.guarded.limits.of_address(STRANGER, 1_000_000))
    return door, door.key("stream:read")


def headers_of(wrong: set[str], scoped: str) -> list[tuple[bytes, bytes]]:
    said = {
        "two lengths": [(b"content-length", b"1"), (b"transfer-encoding", b"chunked")],
        "long body": [(b"content-length", b"65537")],
        "packed body": [(b"content-encoding", b"gzip")],
        "foreign page": [(b"origin", b"https://evil.example")],
        "bad key": [(b"x-api-key", KEY.encode())],
        "wrong scope": [(b"x-api-key", scoped.encode())],
        "many headers": [(f"x-{at}".encode(), b"") for at in range(101)],
    }
    host = (b"host", b"evil.example") if "foreign host" in wrong else HOST
    return [host, *(header for one in said if one in wrong for header in said[one])]


def path_of(wrong: set[str]) -> str:
    key = f"b={KEY.replace('_', '%5f')}" if "key in address" in wrong else ""
    long = "x" * 8192 if "long address" in wrong else ""
    return f"{MARKETS}?{key}&{long}"


@given(wrong=st.sets(st.sampled_from(list(WRONG)), min_size=1))
def test_the_first_thing_that_is_wrong_is_told(stage, wrong):
    door, scoped = stage
    wrong -= {second for first, second in APART if first in wrong}
    peer = STRANGER if "asked too often" in wrong else "127.0.0.1"

    answer = door.ask(
        path_of(wrong),
        "DELETE" if "no such call" in wrong else "GET",
        whole=headers_of(wrong, scoped),
        client=(peer, 50000),
    )

    assert answer.refused == next(WRONG[one] for one in WRONG if one in wrong)
    event = door.events[-1]
    assert (event.status, event.code, event.outcome) == (*answer.refused, "refused")
    assert event.request_id == answer.headers["x-request-id"] == answer.json["request_id"]
    assert event.address == peer
