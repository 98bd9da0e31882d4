"""Rankings as the venues answer them, and which symbols are chosen from them."""

from decimal import Decimal
from itertools import pairwise

import pytest
from frames import js
from hypothesis import given
from hypothesis import strategies as st

from cloud_marketdata.collectors.base import Ask
from cloud_marketdata.collectors.ranking import Ranked, most_traded
from cloud_marketdata.collectors.venues import VENUES
from cloud_marketdata.core.config import Discover
from cloud_marketdata.core.errors import VenueError
from cloud_marketdata.domain.values import Venue

SPOT, USDM, LINEAR = Venue.BINANCE_SPOT, Venue.BINANCE_USDM, Venue.BYBIT_LINEAR
volumes = st.one_of(st.integers(0, 2), st.integers(0, 10**28)).map(
    lambda whole: Decimal(whole).scaleb(-8)
)
rankings = st.lists(
    st.builds(Ranked, st.from_regex(r"[A-Z0-9]{2,5}", fullmatch=True), st.just("USDT"), volumes),
    unique_by=lambda ranked: ranked.symbol,
)


def ranked(venue: Venue, *bodies: bytes) -> tuple[list[Ask], list[Ranked]]:
    """Answer the venue's questions in turn; return them and the ranking."""
    questions, left, asked = VENUES[venue].ranking(), list(bodies), []
    try:
        asked.append(next(questions))
        while True:
            asked.append(questions.send(left.pop(0)))
    except StopIteration as end:
        assert left == []
        return asked, end.value


def listed(*rows: tuple[str, str, str]) -> bytes:
    return js({"symbols": [{"symbol": s, "status": t, "quoteAsset": q} for s, t, q in rows]})


def tickers(*rows: tuple[str, str]) -> bytes:
    return js([{"symbol": s, "volume": "1", "quoteVolume": v} for s, v in rows])


def page(*rows: dict[str, str], cursor: str = "", code: int = 0) -> bytes:
    result = {"category": "linear", "list": rows, "nextPageCursor": cursor}
    return js({"retCode": code, "retMsg": "OK", "result": result})


def contract(symbol: str, status: str = "Trading") -> dict[str, str]:
    return {"symbol": symbol, "status": status, "quoteCoin": "USDT"}


def turnover(symbol: str, text: str) -> dict[str, str]:
    return {"symbol": symbol, "turnover24h": text}


@pytest.mark.parametrize(
    ("venue", "asks"),
    [
        (SPOT, [Ask("/api/v3/exchangeInfo", 20), Ask("/api/v3/ticker/24hr", 80)]),
        (USDM, [Ask("/fapi/v1/exchangeInfo", 1), Ask("/fapi/v1/ticker/24hr", 40)]),
    ],
)
def test_binance_tells_by_exchange_info_what_trades_and_by_tickers_how_much(venue, asks):
    info = listed(("BTCUSDT", "TRADING", "USDT"), ("ETHBTC", "TRADING", "BTC"))
    found = ranked(venue, info, tickers(("ETHBTC", "0.10"), ("BTCUSDT", "123456789.12345678")))
    assert found == (
        asks,
        [
            Ranked("BTCUSDT", "USDT", Decimal("123456789.12345678")),
            Ranked("ETHBTC", "BTC", Decimal("0.10")),
        ],
    )


def test_what_does_not_trade_now_or_has_no_readable_volume_has_no_rank():
    info = listed(
        ("HALTED", "BREAK", "USDT"),
        ("NEWUSDT", "TRADING", "USDT"),
        ("BADUSDT", "TRADING", "USDT"),
        ("BTCUSDT", "TRADING", "USDT"),
    )
    told = tickers(("HALTED", "9"), ("BADUSDT", "1e5"), ("BTCUSDT", "2"), ("GONE", "3"))
    assert [row.symbol for row in ranked(SPOT, info, told)[1]] == ["BTCUSDT"]
    pages = page(contract("A1", "PreLaunch"), contract("B1"), contract("C1"))
    told = page(turnover("A1", "9"), turnover("B1", "2.5"), turnover("C1", ""))
    assert ranked(LINEAR, pages, told)[1] == [Ranked("B1", "USDT", Decimal("2.5"))]


def test_bybit_is_asked_page_by_page_with_its_own_cursor():
    asked, found = ranked(
        LINEAR,
        page(contract("A1"), cursor="first%3DA1%26last%3DA1"),
        page(contract("B1"), cursor="x=1&category=spot"),
        page(cursor="behind the end"),
        page(turnover("A1", "1"), turnover("B1", "2")),
    )
    base = "/v5/market/instruments-info?category=linear&limit=1000"
    assert [ask.path for ask in asked] == [
        base,
        f"{base}&cursor=first%3DA1%26last%3DA1",
        f"{base}&cursor=x%3D1%26category%3Dspot",
        "/v5/market/tickers?category=linear",
    ]
    assert [row.symbol for row in found] == ["A1", "B1"]


def test_pages_without_end_are_refused():
    with pytest.raises(VenueError, match="goes on"):
        ranked(LINEAR, *[page(contract("A1"), cursor="again")] * 99)


@pytest.mark.parametrize(
    ("venue", "bodies"),
    [
        (SPOT, [b'{"code":-1003,"msg":"Too many requests."}', b"[]"]),
        (SPOT, [listed(), b'{"code":-1003,"msg":"Too many requests."}']),
        (SPOT, [b"\xff", b"[]"]),
        (LINEAR, [page(code=10006)]),
        (LINEAR, [b"<html>"]),
        (LINEAR, [page(contract("A1")), b'{"retCode":0}']),
    ],
)
def test_an_answer_that_is_none_is_refused(venue, bodies):
    with pytest.raises(VenueError):
        ranked(venue, *bodies)


@given(ranking=rankings, top=st.integers(1, 6))
def test_the_most_traded_are_chosen_and_the_order_they_came_in_does_not_matter(ranking, top):
    wanted = Discover(quote="USDT", top=top)
    chosen = most_traded(ranking, wanted)
    assert chosen == most_traded(reversed(ranking), wanted)
    assert len(chosen) == min(top, len(ranking))
    by_name = {row.symbol: row.quote_volume for row in ranking}
    kept = [by_name[symbol] for symbol in chosen]
    assert all(earlier >= later for earlier, later in pairwise(kept))
    out = [volume for symbol, volume in by_name.items() if symbol not in chosen]
    assert not (out and kept) or max(out) <= min(kept)


def test_volumes_that_differ_behind_the_thirtieth_digit_are_still_told_apart():
    small, large = Decimal("1" * 24 + ".00000001"), Decimal("1" * 24 + ".00000002")
    rows = [Ranked("AA", "USDT", small), Ranked("BB", "USDT", large)]
    assert most_traded(rows, Discover(quote="USDT", top=1)) == ("BB",)


def test_other_quote_assets_and_names_that_no_setting_could_hold_are_left_out():
    rows = [
        Ranked("BTCUSDC", "USDC", Decimal(9)),
        Ranked("BTCUSDT_261225", "USDT", Decimal(8)),
        Ranked("BTC-25DEC26", "USDT", Decimal(7)),
        Ranked("币安人生USDT", "USDT", Decimal(6)),
        Ranked("BTCUSDT", "USDT", Decimal(5)),
    ]
    assert most_traded(rows, Discover(quote="USDT", top=9)) == ("BTCUSDT",)
