"""Klines by REST: how they are asked for, and that any answer is rows, rejections or one error."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from virtual import VirtualClock

from cloud_marketdata.collectors.base import Ask
from cloud_marketdata.collectors.klines.desk import KlineDesk
from cloud_marketdata.collectors.rejections import Rejections
from cloud_marketdata.collectors.venues import VENUES
from cloud_marketdata.core.errors import VenueError
from cloud_marketdata.domain.events import Rejection
from cloud_marketdata.domain.instrument import Instrument, Scale
from cloud_marketdata.domain.klines import RULES, Kline
from cloud_marketdata.domain.values import NS_PER_MS, Exchange, Timeframe, Venue

pytestmark = pytest.mark.anyio
MINUTE = Timeframe.M1.ns
START = 28_719_000 * MINUTE
MS = START // NS_PER_MS
TIMES = f"startTime={MS}&endTime={MS + 120_000}"
SPAN = f"start={MS}&end={MS + 120_000}"
BINANCE_ROW = [
    MS,
    "61800.30",
    "61801.00",
    "61799.90",
    "61800.0",
    "12.50000000",
    MS + 59_999,
    "772503.7500",
    42,
    "6.25",
    "386251.875",
    "0",
]
BYBIT_ROW = [str(MS), "61800.30", "61801", "61799.90", "61800.0", "12.50", "772503.750"]
FIELDS = {
    "open": "61800.3",
    "high": "61801",
    "low": "61799.9",
    "close": "61800",
    "volume": "12.5",
    "quote_volume": "772503.75",
    "count": "42",
    "taker_buy_volume": "6.25",
    "taker_buy_quote_volume": "386251.875",
}
SCALE = Scale(Decimal("0.5"), Decimal(1))
SPOT, LINEAR = Venue.BINANCE_SPOT, Venue.BYBIT_LINEAR
BTC = Instrument(SPOT, "BTCUSDT", SCALE)


def body(venue: Venue, *rows: list) -> bytes:
    """Return an answer with these rows."""
    if venue.exchange is Exchange.BINANCE:
        return msgspec.json.encode(rows)
    result = {"category": "linear", "symbol": "BTCUSDT", "list": rows}
    return msgspec.json.encode({"retCode": 0, "retMsg": "OK", "result": result})


def row(venue: Venue) -> list:
    """Return the row of a minute."""
    return list(BINANCE_ROW if venue.exchange is Exchange.BINANCE else BYBIT_ROW)


class Answers:
    """Says what it was given, one body after the other, and keeps what it was asked."""

    def __init__(self, *bodies: bytes) -> None:
        self.asked: list[Ask] = []
        self._bodies = list(bodies)

    async def get(self, ask: Ask) -> bytes:
        """See Rest."""
        self.asked.append(ask)
        return self._bodies.pop(0)


def desk(venue: Venue, rest: Answers, rejections: Rejections | None = None) -> KlineDesk:
    return KlineDesk(venue, "aggTrade", rest, rejections or Rejections(), VirtualClock())


@pytest.mark.parametrize("venue", Venue)
def test_a_row_is_the_kline_of_its_minute_in_canonical_decimals(venue):
    (kline,) = VENUES[venue].klines.decode("BTCUSDT", body(venue, row(venue)), 1)
    assert isinstance(kline, Kline)
    assert kline.start == START
    assert kline.fields == {name: FIELDS[name] for name in RULES[venue.exchange].fields}


@pytest.mark.parametrize("venue", Venue)
@pytest.mark.parametrize(
    "wrong", [[], ["a"], [None] * 7, [1, 2, 3, 4, 5, 6, 7], {"a": 1}, "row", -1]
)
def test_a_row_that_is_none_is_a_rejection_and_its_neighbours_stay(venue, wrong):
    bad, good = VENUES[venue].klines.decode("BTCUSDT", body(venue, wrong, row(venue)), 7)
    assert isinstance(good, Kline)
    assert isinstance(bad, Rejection)
    assert (bad.venue, bad.reason, bad.symbol, bad.received_at) == (venue, "klines", "BTCUSDT", 7)


@pytest.mark.parametrize("venue", Venue)
@pytest.mark.parametrize("text", ["", "1e5", "-1", "NaN", "0x1", "1.", "Infinity"])
def test_a_figure_that_is_no_plain_decimal_is_refused(venue, text):
    wrong = row(venue)
    wrong[5] = text
    (bad,) = VENUES[venue].klines.decode("BTCUSDT", body(venue, wrong), 1)
    assert isinstance(bad, Rejection)


@pytest.mark.parametrize("venue", Venue)
@pytest.mark.parametrize(
    "answer",
    [b"", b"null", b'{"code":-1121,"msg":"Invalid symbol."}', b'{"retCode":10001,"retMsg":"no"}'],
)
def test_a_body_that_is_no_answer_is_one_rejection(venue, answer):
    (bad,) = VENUES[venue].klines.decode("BTCUSDT", answer, 1)
    assert isinstance(bad, Rejection)


@pytest.mark.parametrize("venue", Venue)
@given(data=st.data())
def test_no_bytes_raise(venue, data):
    whole = body(venue, row(venue), row(venue))
    at = data.draw(st.integers(0, len(whole)))
    damaged = whole[:at] + data.draw(st.binary(max_size=6)) + whole[at + 2 :]
    for one in VENUES[venue].klines.decode("BTCUSDT", damaged, 1):
        assert isinstance(one, Kline | Rejection)


@pytest.mark.parametrize(
    ("venue", "path", "weight"),
    [
        (
            SPOT,
            f"/api/v3/klines?symbol=BTCUSDT&interval=1m&{TIMES}&limit=99",
            2,
        ),
        (
            Venue.BINANCE_USDM,
            f"/fapi/v1/klines?symbol=BTCUSDT&interval=1m&{TIMES}&limit=99",
            1,
        ),
        (
            LINEAR,
            f"/v5/market/kline?category=linear&symbol=BTCUSDT&interval=1&{SPAN}&limit=1000",
            1,
        ),
    ],
)
def test_three_minutes_are_asked_for_by_their_starts_at_the_least_weight(venue, path, weight):
    ask = VENUES[venue].klines.ask("BTCUSDT", START, START + 3 * MINUTE)
    assert ask == Ask(path, weight, spare=True)
    assert ask.weight <= VENUES[venue].limits.weight


@pytest.mark.parametrize("venue", Venue)
async def test_klines_outside_of_the_range_are_left_out(venue):
    later = row(venue)
    later[0] = type(later[0])(MS + 60_000)
    rest = Answers(body(venue, later, row(venue)))
    found = await desk(venue, rest).klines("BTCUSDT", START, START + MINUTE)
    assert [kline.start for kline in found] == [START]


async def test_rejected_rows_are_counted_and_an_answer_without_any_other_is_an_error():
    rejections = Rejections()
    rest = Answers(body(SPOT, ["a"], row(SPOT)), b"[[]]", body(SPOT))
    made = desk(SPOT, rest, rejections)
    assert len(await made.klines("BTCUSDT", START, START + MINUTE)) == 1
    with pytest.raises(VenueError, match="klines of BTCUSDT"):
        await made.klines("BTCUSDT", START, START + MINUTE)
    assert await made.klines("BTCUSDT", START, START + MINUTE) == []
    assert rejections.total == {(SPOT, "klines"): 2}


def _aggregates(first: int, count: int) -> bytes:
    """Return aggregates of one fill a millisecond, whose ids are the milliseconds since START."""
    rows = [
        {"a": at, "p": "1.5", "q": "2", "f": at, "l": at, "T": MS + at, "m": False, "M": True}
        for at in range(first, first + count)
    ]
    return msgspec.json.encode(rows)


async def test_trades_are_asked_for_page_by_page_until_the_minute_ends():
    rest = Answers(_aggregates(5, 1000), _aggregates(1005, 1000))
    found = await desk(SPOT, rest).trades(BTC, 5, START + 1500 * NS_PER_MS)
    assert [trade.id for trade in found] == list(range(5, 1500))
    asked = [ask.path.partition("fromId=")[2] for ask in rest.asked]
    assert asked == ["5&limit=1000", "1005&limit=1000"]


async def test_the_last_trades_of_all_may_end_before_the_minute_does():
    rest = Answers(_aggregates(5, 10), b"[]")
    found = await desk(SPOT, rest).trades(BTC, 5, START + MINUTE)
    assert [trade.id for trade in found] == list(range(5, 15))


async def test_trades_of_which_one_cannot_be_read_make_no_bar():
    rejections = Rejections()
    rest = Answers(_aggregates(5, 2).replace(b'"p":"1.5"', b'"p":"x"', 1))
    with pytest.raises(VenueError, match="not understood"):
        await desk(SPOT, rest, rejections).trades(BTC, 5, START + MINUTE)
    assert rejections.total == {(SPOT, "bad_number"): 1}


async def test_a_minute_of_more_answers_than_are_asked_for_is_let_be():
    rest = Answers(*(_aggregates(at * 1000, 1000) for at in range(60)))
    with pytest.raises(VenueError, match="more than 50 answers"):
        await desk(SPOT, rest).trades(BTC, 0, START + 10 * MINUTE)
    assert len(rest.asked) == 50


async def test_a_venue_that_answers_for_no_single_trades_is_an_error():
    usdm = Venue.BINANCE_USDM
    made = KlineDesk(usdm, "trade", Answers(), Rejections(), VirtualClock())
    with pytest.raises(VenueError, match="API key"):
        await made.trades(Instrument(usdm, "BTCUSDT", SCALE), 0, 1 << 62)
