"""The venues' forming klines against our sums of the trades between two of their frames.

Binance: what a kline frame adds to the one before is what the aggregate trades between them hold.
Bybit: every kline frame is the sum of the first trades of its minute, and only `open` is different:
Bybit opens a bar at the close of the one before it, we at the first trade, as Binance does.
"""

import gzip
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

import msgspec
import pytest
from recordings import BYBIT, frames, player

from cloud_marketdata.domain.bar import Bar
from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.values import NS_PER_MS, Timeframe, Venue
from cloud_marketdata.replay.player import Player

SUMS = ("v", "q", "n", "V", "Q")
ROUNDING = Decimal("1.5e-8")


class Sum(NamedTuple):
    """Volume, quote volume, fills, and the taker's buying of both."""

    v: Decimal
    q: Decimal
    n: int
    V: Decimal
    Q: Decimal


def _sum(trades: list[TradeEvent]) -> Sum:
    if not trades:
        return Sum(Decimal(0), Decimal(0), 0, Decimal(0), Decimal(0))
    bar, scale = Bar.of(trades[0]), trades[0].instrument.scale
    for trade in trades[1:]:
        bar.add(trade)
    return Sum(
        scale.size(bar.volume),
        scale.quote(bar.quote_volume),
        bar.count,
        scale.size(bar.taker_buy_volume),
        scale.quote(bar.taker_buy_quote_volume),
    )


def _lines(path) -> list[bytes]:
    """Raw frames of a cryptofeed recording; its first lines name the URLs that were opened."""
    with gzip.open(path) as file:
        rows = [line.rstrip().partition(b": ")[2] for line in file]
    return [row for row in rows if row.startswith(b'{"stream"')]


def _on_one_grid(trades: list[TradeEvent]) -> list[TradeEvent]:
    """Count all trades on one grid: without an instruments file it refines on the way."""
    scale = trades[0].instrument.scale
    for trade in trades[1:]:
        scale = scale.meet(trade.instrument.scale)
    moved = []
    for trade in trades:
        tick, lot = trade.instrument.scale.factors(scale)
        instrument = msgspec.structs.replace(trade.instrument, scale=scale)
        moved.append(
            msgspec.structs.replace(
                trade, instrument=instrument, price=trade.price * tick, size=trade.size * lot
            )
        )
    return moved


Step = tuple[dict, dict, list[TradeEvent]]


def _steps(path, venue: Venue) -> Iterator[Step]:
    """Yield two frames of a forming kline, and the aggregates of exactly the fills between them."""
    collector = Player(venue).intake.collector
    trades: dict[str, list[tuple[range, TradeEvent]]] = defaultdict(list)
    klines: dict[tuple[str, int], list[dict]] = defaultdict(list)
    for payload in _lines(path):
        if b'"e":"kline"' in payload:
            kline = msgspec.json.decode(payload)["data"]["k"]
            klines[kline["s"], kline["t"]].append(kline)
        for event in collector.decode(payload, 1):
            if isinstance(event, TradeEvent):
                raw = msgspec.json.decode(payload)["data"]
                trades[event.instrument.symbol].append((range(raw["f"], raw["l"] + 1), event))
    for (symbol, _), forming in klines.items():
        if not trades[symbol]:
            continue
        tape = _on_one_grid([event for _, event in trades[symbol]])
        fills = [ids for ids, _ in trades[symbol]]
        for at, after in enumerate(forming):
            # An aggregate may reach over a frame, so the nearest earlier one that none crosses.
            for before in reversed(forming[:at]):
                between = _covering(fills, tape, before["L"], after["L"])
                if between is not None:
                    yield before, after, between
                    break


@pytest.mark.parametrize(
    ("file", "venue", "pairs"),
    [
        ("BINANCE_FUTURES.ws.1.0.gz", Venue.BINANCE_USDM, 45),
        ("BINANCE_US.ws.1.0.gz", Venue.BINANCE_SPOT, 3),
    ],
)
def test_what_a_forming_kline_gains_is_what_was_traded_meanwhile(oracles, file, venue, pairs):
    steps = list(_steps(oracles / "binance_streaming_klines" / file, venue))
    for before, after, between in steps:
        assert _sum(between) == Sum(*(_number(after[key]) - _number(before[key]) for key in SUMS))
    assert len(steps) == pairs


def test_a_kline_of_coin_margined_contracts_gains_them_exactly_and_their_coins_but_for_rounding(
    oracles,
):
    """An inverse contract is so many dollars: its coins are a quotient, which Binance cuts."""
    file = oracles / "binance_streaming_klines/BINANCE_DELIVERY.ws.1.0.gz"
    steps = list(_steps(file, Venue.BINANCE_USDM))
    for before, after, between in steps:
        contracts = _sum(between)
        for key in ("v", "n", "V"):
            gained = _number(after[key]) - _number(before[key])
            assert getattr(contracts, key) == gained
        gained = Decimal(after["q"]) - Decimal(before["q"])
        assert abs(_coins(between) - gained) <= ROUNDING
    assert sum(bool(between) for _, _, between in steps) == 8


def _coins(trades: list[TradeEvent]) -> Decimal:
    dollars = 100 if trades and trades[0].instrument.symbol.startswith("BTC") else 10
    scales = [(trade, trade.instrument.scale) for trade in trades]
    parts = (scale.size(t.size) * dollars / scale.price(t.price) for t, scale in scales)
    return sum(parts, Decimal(0))


def _number(text: str | int) -> Decimal | int:
    return text if isinstance(text, int) else Decimal(text)


def _covering(
    fills: list[range], tape: list[TradeEvent], after: int, upto: int
) -> list[TradeEvent] | None:
    """Return the aggregates of exactly the fills in (after, upto], or None where they are not."""
    inside = [
        trade
        for ids, trade in zip(fills, tape, strict=True)
        if after < ids.start and ids.stop <= upto + 1
    ]
    return inside if sum(trade.fills for trade in inside) == upto - after else None


def test_bybits_kline_is_the_sum_of_the_first_trades_of_its_minute(data):
    playing = player(data, BYBIT.venue)
    tape: dict[str, list[TradeEvent]] = defaultdict(list)
    klines: list[tuple[str, dict]] = []
    for frame in frames(data, BYBIT):
        for event in playing.intake.collector.decode(frame.payload, frame.received_at):
            if isinstance(event, TradeEvent):
                tape[event.instrument.symbol].append(event)
        message = msgspec.json.decode(frame.payload)
        if message.get("topic", "").startswith("kline.1."):
            symbol = message["topic"].rpartition(".")[2]
            klines += [(symbol, kline) for kline in message["data"]]
    compared = 0
    for symbol, kline in klines:
        # The capture began after this minute: its first trades are not in it.
        if kline["start"] * NS_PER_MS != Timeframe.M1.floor(tape[symbol][-1].exchange_time):
            continue
        minute = [t for t in tape[symbol] if t.exchange_time >= kline["start"] * NS_PER_MS]
        before = [t for t in tape[symbol] if t.exchange_time < kline["start"] * NS_PER_MS]
        compared += _is_a_prefix(kline, minute, before)
    assert compared == 61


def _is_a_prefix(kline, minute: list[TradeEvent], before: list[TradeEvent]) -> bool:
    prefixes = [minute[:length] for length in range(len(minute) + 1)]
    same = [one for one in prefixes if _sum(one).v == Decimal(kline["volume"])]
    assert same, kline
    if not same[0]:
        assert Decimal(kline["turnover"]) == 0
        return False
    trades = same[0]
    scale = trades[0].instrument.scale
    prices = [scale.price(trade.price) for trade in trades]
    assert _sum(trades).q == Decimal(kline["turnover"])
    assert prices[-1] == Decimal(kline["close"])
    # Bybit opens a bar at the last price of the minute before, and counts it as high or low.
    opened = Decimal(kline["open"])
    assert not before or opened == scale.price(before[-1].price)
    assert max(*prices, opened) == Decimal(kline["high"])
    assert min(*prices, opened) == Decimal(kline["low"])
    return True
