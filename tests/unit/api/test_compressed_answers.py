"""Answers are compressed as the asker likes best, and hold what the plain ones hold."""

import zlib

import pytest
import zstandard
from starlette.testclient import TestClient
from tape import ROOT
from wired import WINDOW

from cloud_marketdata.api.wire.compression import LEAST_BYTES, wanted_coding

PROFILE = f"{ROOT}/volume-profile"
OPENERS = {
    "zstd": lambda body: zstandard.ZstdDecompressor().decompress(body),
    "gzip": lambda body: zlib.decompress(body, wbits=31),
    None: bytes,
}


def raw(reader: TestClient, accept: str, **asked: str) -> tuple[str | None, bytes]:
    """Return the coding and the body as it came."""
    headers = {"Accept-Encoding": accept}
    with reader.stream("GET", PROFILE, params=WINDOW | asked, headers=headers) as answer:
        body = b"".join(answer.iter_raw())
        assert answer.status_code == 200
        assert int(answer.headers["content-length"]) == len(body)
        assert {"Accept", "Accept-Encoding"} <= set(answer.headers["vary"].split(", "))
        return answer.headers.get("content-encoding"), body


@pytest.mark.parametrize(
    ("accept", "coding"),
    [
        ("identity", None),
        ("gzip", "gzip"),
        ("zstd", "zstd"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("zstd;q=0.5, gzip;q=0.9", "gzip"),
        ("*", "zstd"),
        ("zstd;q=0, *", "gzip"),
        ("*;q=0", None),
        ("br", None),
        ("gzip;q=0.5, identity", None),
        ("GZIP", "gzip"),
        ("zstd;q=0, gzip;q=0, identity;q=0", None),
    ],
)
def test_the_coding_is_the_one_that_is_liked_best(reader, accept: str, coding: str | None) -> None:
    plain = raw(reader, "identity")[1]
    assert len(plain) > LEAST_BYTES
    got, body = raw(reader, accept)
    assert got == coding
    assert OPENERS[coding](body) == plain
    assert coding is None or len(body) < len(plain) / 2


def test_small_answers_stay_plain(reader: TestClient) -> None:
    coding, body = raw(reader, "zstd", row_ticks="1000000")
    assert (coding, len(body) < 4 * LEAST_BYTES) in {(None, True), ("zstd", True)}
    answer = reader.get("/v1/markets", headers={"Accept-Encoding": "zstd"})
    assert "content-encoding" not in answer.headers
    assert len(answer.content) < LEAST_BYTES


def test_a_form_that_is_packed_already_is_not_packed_again(reader: TestClient) -> None:
    coding, body = raw(reader, "zstd, gzip", format="parquet")
    assert coding is None
    assert body.startswith(b"PAR1")


def test_without_a_wish_the_body_is_plain() -> None:
    assert wanted_coding([]) is None
    assert wanted_coding([(b"accept-encoding", b"")]) is None
    assert wanted_coding([(b"accept-encoding", b"br"), (b"accept-encoding", b"gzip")]) == "gzip"
