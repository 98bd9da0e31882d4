"""Hints on how a price moved: they fit an undisturbed tape and betray most disturbed ones."""

import msgspec
import pytest
from frames import AT, collector, item, trade, trades
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_marketdata.collectors.tapes.tickchain import TickChain
from cloud_marketdata.domain.events import TapeDoubt, TradeEvent
from cloud_marketdata.domain.values import TradeFlag, Venue

LINEAR = Venue.BYBIT_LINEAR
PRICES = st.lists(st.integers(5, 9), min_size=1, max_size=30)


def _hinted(prices: list[int]) -> list[tuple[TradeEvent, str]]:
    """Return trades with the hints that a venue of these prices sends."""
    told, hint, before = [], "ZeroPlusTick", prices[0]
    for number, price in enumerate(prices):
        if price != before:
            hint = "PlusTick" if price > before else "MinusTick"
        elif not hint.startswith("Zero"):
            hint = f"Zero{hint}"
        told.append((trade(f"{number}", time=AT + number, price=price), hint))
        before = price
    return told


def _doubts(told) -> list[TapeDoubt]:
    chain = TickChain()
    return [doubt for event, hint in told if (doubt := chain.follow(event, hint))]


@settings(deadline=None)
@given(prices=PRICES)
def test_a_whole_tape_is_never_doubted_wherever_it_begins(prices):
    told = _hinted(prices)
    assert all(_doubts(told[start:]) == [] for start in range(len(told)))


@settings(deadline=None)
@given(prices=PRICES, data=st.data())
def test_a_left_out_trade_is_doubted_exactly_where_the_next_hint_cannot_follow(prices, data):
    told = _hinted(prices)
    out = data.draw(st.integers(0, len(told) - 1))
    doubts = _doubts(told[:out] + told[out + 1 :])
    assert len(doubts) <= 1
    if doubts:
        before, after = told[out - 1][0], told[out + 1][0]
        assert (doubts[0].start, doubts[0].end) == (before.exchange_time, after.exchange_time)


@pytest.mark.parametrize(
    ("prices", "hints", "fits"),
    [
        ((5, 6), ("PlusTick", "PlusTick"), True),
        ((5, 6), ("PlusTick", "MinusTick"), False),
        ((5, 6), ("PlusTick", "ZeroPlusTick"), False),
        ((6, 5), ("PlusTick", "MinusTick"), True),
        ((5, 5), ("PlusTick", "ZeroPlusTick"), True),
        ((5, 5), ("ZeroPlusTick", "ZeroPlusTick"), True),
        ((5, 5), ("PlusTick", "ZeroMinusTick"), False),
        ((5, 5), ("MinusTick", "ZeroMinusTick"), True),
        ((5, 5), ("ZeroMinusTick", "ZeroPlusTick"), False),
        ((5, 5), ("PlusTick", "PlusTick"), False),
    ],
)
def test_each_hint_says_how_the_price_moved(prices, hints, fits):
    told = [
        (trade(f"{price}-{hint}-{number}", price=price), hint)
        for number, (price, hint) in enumerate(zip(prices, hints, strict=True))
    ]
    assert (_doubts(told) == []) is fits


@settings(deadline=None)
@given(prices=PRICES, data=st.data())
def test_a_message_that_comes_twice_is_no_doubt(prices, data):
    told = _hinted(prices)
    first = data.draw(st.integers(0, len(told) - 1))
    end = data.draw(st.integers(first + 1, len(told)))
    assert _doubts([*told[:end], *told[first:end], *told[end:]]) == []


@pytest.mark.parametrize("strange", [None, "", "SidewaysTick"])
def test_an_unknown_hint_breaks_the_chain_without_alarm(strange):
    told = [(trade("a", price=5), "PlusTick"), (trade("b", price=9), strange)]
    assert _doubts([*told, (trade("c", price=7), "PlusTick")]) == []


def test_a_block_trade_and_a_refined_grid_break_the_chain_too():
    first, last = (trade("a", price=5), "PlusTick"), (trade("c", price=7), "MinusTick")
    block = msgspec.structs.replace(trade("b", price=9), flags=int(TradeFlag.BLOCK))
    assert _doubts([first, (block, "ZeroPlusTick"), last]) == []
    grid = last[0].instrument
    finer = grid.refined(grid.scale.tick / 2, grid.scale.lot)
    refined = msgspec.structs.replace(last[0], instrument=finer)
    assert _doubts([first, (refined, "MinusTick")]) == []


def _decoded(*items: dict) -> list[type]:
    return [type(event) for event in collector(LINEAR).decode(trades(*items), AT)]


def test_a_doubt_comes_beside_the_trades_and_names_its_symbol():
    rise, fall = item(i="a", p="5.0", L="PlusTick"), item(i="b", p="6.0", L="MinusTick")
    [*events, doubt] = collector(LINEAR).decode(trades(rise, fall), AT)
    assert [event.id for event in events] == ["a", "b"]
    assert (doubt.instrument.symbol, doubt.start, doubt.end) == ("BTCUSDT", AT, AT)
    assert "MinusTick" in doubt.reason
    other = item(i="b", p="6.0", L="MinusTick", s="ETHUSDT")
    assert TapeDoubt not in _decoded(rise, other)


@pytest.mark.parametrize("bad", [{"S": "Short"}, {"p": "1e5"}, {"p": 5.5}, {"s": "XRPUSDT"}])
def test_a_trade_that_was_not_understood_breaks_the_chain(bad):
    rise, fall = item(i="a", p="5.0", L="PlusTick"), item(i="c", p="6.0", L="MinusTick")
    assert TapeDoubt in _decoded(rise, fall)
    assert TapeDoubt not in _decoded(rise, item(**({"i": "b"} | bad)), fall)


def test_a_new_connection_begins_a_chain_of_its_own():
    rise, fall = item(i="a", p="5.0", L="PlusTick"), item(i="b", p="6.0", L="MinusTick")
    _decoded(rise)
    assert TapeDoubt not in _decoded(fall)
