"""Bars, tape spans and aggregates are the same however their trades arrive and are grouped."""

from decimal import Decimal

import msgspec
from domain_strategies import GRIDS, MINUTE, folded, instrument, law, on_grid, scales, tapes
from hypothesis import given
from hypothesis import strategies as st

from cloud_marketdata.domain.aggregate import Aggregate, combined, state_hash
from cloud_marketdata.domain.bar import Bar
from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.instrument import Scale
from cloud_marketdata.domain.tape import TapeSpan
from cloud_marketdata.domain.values import Side, Timeframe

NAIVE = ("open", "high", "low", "close", "volume", "quote", "count", "buy", "buy_quote")


def _naive(tape) -> dict[str, Decimal] | None:
    """The nine fields by the plain definition, in decimals."""
    rows = [
        (
            trade.exchange_time,
            trade.sequence,
            trade.instrument.scale.price(trade.price),
            trade.instrument.scale.size(trade.size),
            trade,
        )
        for trade in tape
        if not trade.flags & ~2
    ]
    if not rows:
        return None
    rows.sort(key=lambda row: row[:2])
    prices = [price for _, _, price, _, _ in rows]
    bought = [row for row in rows if row[4].side is Side.BUY]
    return {
        "open": prices[0],
        "high": max(prices),
        "low": min(prices),
        "close": prices[-1],
        "volume": sum(row[3] for row in rows),
        "quote": sum(row[2] * row[3] for row in rows),
        "count": sum(row[4].fills for row in rows),
        "buy": sum(row[3] for row in bought),
        "buy_quote": sum(row[2] * row[3] for row in bought),
    }


def _ours(aggregate) -> dict[str, Decimal] | None:
    bar, scale = aggregate.bar, aggregate.scale
    return bar and dict(
        zip(
            NAIVE,
            (
                *(scale.price(p) for p in (bar.open, bar.high, bar.low, bar.close)),
                scale.size(bar.volume),
                scale.quote(bar.quote_volume),
                bar.count,
                scale.size(bar.taker_buy_volume),
                scale.quote(bar.taker_buy_quote_volume),
            ),
            strict=True,
        )
    )


@law
@given(tape=tapes(), start=scales)
def test_a_bar_is_the_plain_definition_over_trades_on_any_grids(tape, start):
    assert _ours(folded(tape, start)) == _naive(tape)


@law
@given(tape=tapes(), data=st.data())
def test_no_order_and_no_starting_grid_changes_the_state(tape, data):
    again = folded(data.draw(st.permutations(tape)), data.draw(scales))
    assert state_hash([again]) == state_hash([folded(tape)])


@law
@given(tape=tapes(), cut=st.integers(0, 20), data=st.data())
def test_combined_parts_are_the_whole(tape, cut, data):
    parts = [folded(tape[:cut], data.draw(scales)), folded(tape[cut:], data.draw(scales))]
    parts[0].position, parts[1].position = 3, 8
    for order in (parts, parts[::-1]):
        total = combined(order, Timeframe.M1, 0)
        assert state_hash([total]) == state_hash([folded(tape)])
        assert (total.position, total.final) == (8, False)


@law
@given(data=st.data(), cut=st.integers(0, 20))
def test_bars_and_spans_merge_in_any_order(data, cut):
    tape = data.draw(on_grid(GRIDS[0]).filter(bool))
    shuffled = data.draw(st.permutations(tape))
    halves = [half for half in (shuffled[:cut], shuffled[cut:]) if half]
    bars = [_bar(half) for half in halves]
    spans = [_span(half) for half in halves]
    for step in (1, -1):
        bar, *bars_left = bars[::step]
        span, *spans_left = spans[::step]
        assert (bar.merged(bars_left[0]) if bars_left else bar) == _bar(tape)
        assert (span.merged(spans_left[0]) if spans_left else span) == _span(tape)


def _bar(tape) -> Bar:
    bar = Bar.of(tape[0])
    for trade in tape[1:]:
        bar.add(trade)
    return bar


def _span(tape) -> TapeSpan:
    span = TapeSpan.of(tape[0])
    for trade in tape[1:]:
        span.add(trade)
    return msgspec.structs.replace(span, off_book=dict(sorted(span.off_book.items())))


@law
@given(tape=tapes())
def test_the_span_says_how_many_ids_are_missing(tape):
    aggregate = folded(tape)
    if not tape:
        assert aggregate.span is None
        return
    numbers = [trade.sequence for trade in tape]
    assert aggregate.span.missing == max(numbers) - min(numbers) + 1 - len(numbers)
    kept_out = sum(bool(trade.flags & ~2) for trade in tape)
    assert sum(aggregate.span.off_book.values()) == kept_out


@law
@given(tape=tapes(), factor=st.sampled_from([2, 5, 10]))
def test_the_state_hash_does_not_depend_on_the_scale(tape, factor):
    coarse = folded(tape)
    scale = coarse.scale
    finer = coarse.rescaled(instrument(Scale(scale.tick / factor, scale.lot / factor), 9))
    assert state_hash([finer]) == state_hash([coarse])


@law
@given(tape=tapes(max_size=8))
def test_the_state_hash_depends_on_every_trade(tape):
    first = TradeEvent(instrument(GRIDS[0]), 99, 5, 7, Side.BUY, 5, 0, 99)
    assert state_hash([folded([*tape, first])]) != state_hash([folded(tape)])


@law
@given(tape=tapes(max_size=8).filter(bool))
def test_combining_leaves_the_parts_as_they_were_however_the_sum_grows(tape):
    part = folded(tape)
    before = state_hash([part])
    total = combined([part], Timeframe.H1, 0)
    for number in (200, 201):
        flags = 4 * (number % 2)
        total.add(
            TradeEvent(part.instrument, number, 1, 1, Side.SELL, MINUTE - 1, 0, number, 1, flags)
        )
    assert state_hash([part]) == before


def test_nothing_combines_to_nothing():
    assert combined([], Timeframe.H1, 0) is None


def test_a_sum_is_final_only_where_all_parts_are():
    parts = [Aggregate(instrument(GRIDS[0]), Timeframe.M1, at * MINUTE) for at in range(3)]
    for at, part in enumerate(parts):
        part.final, part.late, part.revision = True, at, at
    total = combined(parts, Timeframe.H1, 0)
    assert (total.final, total.late, total.revision) == (True, 3, 3)
    parts[1].final = False
    assert not combined(parts, Timeframe.H1, 0).final


def test_one_second_keeps_a_bar_and_no_profile():
    second = Aggregate(instrument(GRIDS[0]), Timeframe.S1, 0)
    second.add(TradeEvent(instrument(GRIDS[0]), 1, 5, 7, Side.BUY, 5, 0, 1))
    assert second.bar.volume == 7
    assert second.profile.cells == {}
