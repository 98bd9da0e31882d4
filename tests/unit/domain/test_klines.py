"""Our bar against a venue's kline: what is equal is found equal, and what is not is named."""

from decimal import Decimal

import pytest
from domain_strategies import folded, law, tapes
from hypothesis import given
from hypothesis import strategies as st

from cloud_marketdata.domain.klines import RULES, differing, drawn, told
from cloud_marketdata.domain.values import Exchange, canonical

BINANCE, BYBIT = RULES[Exchange.BINANCE], RULES[Exchange.BYBIT]
RULE = st.sampled_from([BINANCE, BYBIT])
PRICES = st.integers(1, 99).map(lambda cents: canonical(Decimal(cents) / 4))
BAR = {
    "open": "10",
    "high": "12",
    "low": "9.5",
    "close": "11",
    "volume": "3",
    "quote_volume": "33",
}


@law
@given(tapes(), PRICES | st.none(), RULE)
def test_the_kline_that_a_venue_draws_of_our_very_trades_is_exact(tape, before, rule):
    ours = told(folded(tape), rule)
    theirs = drawn(ours, before or "7", rule)
    assert differing(ours, theirs, before, rule) == ()


@law
@given(tapes(), PRICES, RULE, st.data())
def test_a_kline_with_one_wrong_field_differs_in_just_that_field(tape, before, rule, data):
    ours = told(folded(tape), rule)
    name = data.draw(st.sampled_from(rule.fields))
    theirs = drawn(ours, before, rule)
    wrong = theirs | {name: canonical(Decimal(theirs[name]) + Decimal("1e-8"))}
    assert differing(ours, wrong, before, rule) == (name,)


@law
@given(tapes(), RULE)
def test_a_bar_says_the_same_on_whatever_grid_it_was_counted(tape, rule):
    assert told(folded(tape), rule) == told(folded(sorted(tape, key=lambda t: t.sequence)), rule)


def test_a_minute_without_trades_is_a_flat_kline_of_zeros():
    flat = dict.fromkeys(BINANCE.fields, "0") | dict.fromkeys(BINANCE.fields[:4], "7.5")
    assert told(None, BINANCE) == {}
    assert differing({}, flat, "7.5", BINANCE) == ()
    assert differing({}, flat, None, BINANCE) == ()
    assert differing({}, flat, "7", BINANCE) == BINANCE.fields[:4]
    assert differing({}, flat | {"count": "1", "high": "8"}, None, BINANCE) == ("high", "count")


def test_bybit_opens_a_bar_at_the_close_before_which_counts_as_high_or_low():
    above, below = drawn(BAR, "12.5", BYBIT), drawn(BAR, "9", BYBIT)
    assert (above["open"], above["high"], above["low"]) == ("12.5", "12.5", "9.5")
    assert (below["open"], below["high"], below["low"]) == ("9", "12", "9")
    assert drawn(BAR, "9", BINANCE) == BAR


def test_where_the_close_before_is_not_known_the_venue_is_believed_what_it_opened_at():
    theirs = BAR | {"open": "13", "high": "13"}
    assert differing(BAR, theirs, None, BYBIT) == ()
    assert differing(BAR, theirs, "10", BYBIT) == ("open", "high")
    assert differing(BAR, theirs | {"high": "12"}, None, BYBIT) == ("high",)


@pytest.mark.parametrize("exchange", Exchange)
def test_every_exchange_has_a_rule_with_the_day_it_was_settled_on(exchange):
    rule = RULES[exchange]
    assert rule.settled.startswith("20")
    assert rule.fields[:6] == tuple(BAR)
