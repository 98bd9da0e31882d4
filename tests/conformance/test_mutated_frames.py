"""A hundred thousand damaged frames: events, controls or rejections, and nothing is raised.

The damage is seeded, so a failure repeats; its number names the frame.
"""

from collections.abc import Iterator
from random import Random

import pytest
from frames import (
    AT,
    agg,
    collector,
    depth,
    intake,
    item,
    js,
    orderbook,
    single,
    trades,
    wrapped,
)

from cloud_marketdata.collectors.base import Control
from cloud_marketdata.domain.events import (
    BestQuote,
    BookDelta,
    BookSnapshot,
    Rejection,
    TapeDoubt,
    TradeEvent,
)
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.storage.packing import pack_events

FRAMES = 25_000
KINDS = (TradeEvent, BookDelta, BookSnapshot, BestQuote, TapeDoubt, Rejection, Control)
TICKER = {"u": 12, "s": "BTCUSDT", "b": "61800.2", "B": "1.5", "a": "61800.3", "A": "2"}
BINANCE = (
    js(agg()),
    wrapped("btcusdt@aggTrade", agg()),
    wrapped("btcusdt@trade", single()),
    wrapped("btcusdt@depth@100ms", depth()),
    wrapped("btcusdt@depth5", depth()),
    wrapped("btcusdt@bookTicker", TICKER),
    wrapped("btcusdt@bookTicker", {"e": "bookTicker"} | TICKER),
    wrapped("btcusdt@kline_1m", {"e": "kline", "k": {"t": 1}}),
    js({"result": None, "id": 1}),
    js({"code": 2, "msg": "Invalid request", "id": 1}),
    js({"e": "serverShutdown", "E": 1}),
)
BYBIT = (
    trades(item()),
    trades(item(i="a"), item(i="b", S="Sell"), item(i="c", RPI=True)),
    orderbook("snapshot", 7),
    orderbook("delta", 8),
    orderbook("delta", 9, level=50),
    js({"success": True, "ret_msg": "pong", "op": "ping"}),
    js({"success": False, "ret_msg": "error:handler not found", "op": "subscribe"}),
    js({"topic": "tickers.BTCUSDT", "type": "delta", "data": {"a": 1}, "ts": 1}),
)
GOOD = {
    Venue.BINANCE_SPOT: BINANCE,
    Venue.BINANCE_USDM: BINANCE,
    Venue.BYBIT_SPOT: BYBIT,
    Venue.BYBIT_LINEAR: BYBIT,
}
WRONG = (
    b"null",
    b"true",
    b"-1",
    b"0",
    b"NaN",
    b"Infinity",
    b"1e309",
    b"1.5",
    b"9223372036854775808",
    b"-99999999999999999999999999",
    b"9" * 400,
    b"9" * 5_000,
    b'""',
    b'"0"',
    b'"-0.0"',
    b'"1e5"',
    b'"NaN"',
    b'"0.000000000000000000000001"',
    b'"999999999999999999999999.999999999999"',
    b'"' + b"9" * 60 + b'"',
    '"\u0661\u0662"'.encode(),
    '"\u2028\U0001f4a5"'.encode(),
    b'"\\ud800"',
    b'"\\u0000"',
    b'"\xff\xfe"',
    b"[]",
    b"{}",
    b"[[]]",
    b"[" * 3_000,
    b"[" * 600 + b"]" * 600,
    b'{"e":' * 2_000,
)


def _flip(random: Random, frame: bytearray, other: bytes) -> None:
    del other
    for _ in range(random.randint(1, 4)):
        frame[random.randrange(len(frame))] ^= 1 << random.randrange(8)


def _cut(random: Random, frame: bytearray, other: bytes) -> None:
    del other
    start = random.randrange(len(frame))
    del frame[start : start + random.choice((1, 2, 10, len(frame)))]


def _splice(random: Random, frame: bytearray, other: bytes) -> None:
    frame[random.randrange(len(frame)) :] = other[random.randrange(len(other)) :]


def _value(random: Random, frame: bytearray, other: bytes) -> None:
    """Put a wrong value behind one of the colons or brackets."""
    del other
    places = [at for at, byte in enumerate(frame) if byte in b":[,"]
    if not places:
        return
    at = random.choice(places) + 1
    end = at + 1
    while end < len(frame) and frame[end] not in b",}]":
        end += 1
    frame[at:end] = random.choice(WRONG)


def _key(random: Random, frame: bytearray, other: bytes) -> None:
    """Repeat a key with another value, or rename it."""
    del other
    keys = [at for at in range(len(frame) - 1) if frame[at : at + 1] in b"{," and at]
    name = random.choice((b"e", b"s", b"p", b"q", b"u", b"U", b"data", b"topic", b"b", b"T", b"i"))
    at = random.choice(keys) if keys else 0
    frame[at + 1 : at + 1] = b'"' + name + b'":' + random.choice(WRONG) + b","


DAMAGE = (_flip, _cut, _splice, _value, _value, _key)


def _damaged(venue: Venue) -> Iterator[bytes]:
    random, good = Random(f"damage {venue}"), GOOD[venue]  # noqa: S311  # damage is no secret
    for _ in range(FRAMES):
        frame = bytearray(random.choice(good))
        for _ in range(random.choice((1, 1, 1, 2, 3))):
            random.choice(DAMAGE)(random, frame, random.choice(good))
            if not frame:
                break
        yield bytes(frame)


@pytest.mark.parametrize("venue", list(Venue))
def test_no_damaged_frame_raises_in_decode_or_on_the_way_to_the_log(venue):
    reader = collector(venue)
    taking, rejections = intake(venue)
    seen: set[type] = set()
    for number, frame in enumerate(_damaged(venue)):
        try:
            decoded = reader.decode(frame, AT)
            taking.receive(frame, AT)
            if number % 100 == 0:
                _can_be_kept(taking.take())
                taking.take_controls()
                rejections.take()
        except Exception as error:
            error.add_note(f"frame {number}: {frame[:300]!r}")
            raise
        seen.update(map(type, decoded))
    assert seen <= set(KINDS)
    # Damage that leaves nothing readable, or everything, would prove little.
    assert {TradeEvent, Rejection, Control} <= seen
    assert len({reason for _, reason in rejections.total}) >= 5


def _can_be_kept(batches) -> None:
    for batch in batches:
        assert batch.events
        kept = [event for event in batch.events if isinstance(event, TradeEvent)]
        assert all(event.price > 0 < event.size for event in kept)
        pack_events(batch.events)


@pytest.mark.parametrize("venue", list(Venue))
def test_an_undamaged_frame_is_never_rejected(venue):
    taking, rejections = intake(venue)
    for frame in GOOD[venue]:
        taking.receive(frame, AT)
    assert rejections.total == {}
