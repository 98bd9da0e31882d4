"""The comparison with a venue's klines, through the real decode, on what the venues published.

Binance: the published rows in the form of its REST answer, against our minutes of the capture and
against the simulator's own. Bybit: what its forming klines decide of `open`, blocks and RPI, see
docs/decisions/0016.
"""

import csv
from collections import Counter, defaultdict
from decimal import Decimal

import msgspec
import pytest
from recordings import BYBIT, SPOT_0808, USDM_0808, frames, player

from cloud_marketdata.collectors.venues import VENUES
from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.domain.aggregate import Aggregate, combined
from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.klines import RULES, Kline, differing, told
from cloud_marketdata.domain.values import (
    NS_PER_MS,
    Exchange,
    Timeframe,
    TradeFlag,
    Venue,
    canonical,
)
from cloud_marketdata.simulator.binance import BinanceVenue
from cloud_marketdata.simulator.bybit import BybitVenue
from cloud_marketdata.simulator.survey import survey

BINANCE = RULES[Exchange.BINANCE]
LINEAR = RULES[Exchange.BYBIT]
MINUTE = Timeframe.M1.ns


def published(path, venue: Venue) -> dict[int, Kline]:
    """Return the klines of a published file, read as an answer of the venue's REST."""
    with path.open(newline="") as file:
        rows = [list(row.values()) for row in csv.DictReader(file)]
    numbers = (0, 6, 8)
    answer = [[int(c) if at in numbers else c for at, c in enumerate(row)] for row in rows]
    decoded = VENUES[venue].klines.decode("BTCUSDT", msgspec.json.encode(answer), 1)
    assert all(isinstance(one, Kline) for one in decoded)
    return {one.start: one for one in decoded}


def minutes(playing) -> dict[int, Aggregate]:
    """Return the minutes that a player has folded."""
    (windows,) = playing.windows.values()
    return {one.start: one for one in windows.held() if one.timeframe is Timeframe.M1}


def test_the_minutes_of_a_capture_are_exactly_the_published_klines(played, oracles):
    klines = published(oracles / "klines_usdm_BTCUSDT_1m.csv", Venue.BINANCE_USDM)
    ours = minutes(played("usdm-0808"))
    verdicts = {
        start: differing(told(one, BINANCE), klines[start].fields, None, BINANCE)
        for start, one in ours.items()
    }
    whole = [start for start, fields in verdicts.items() if not fields]
    assert [start // NS_PER_MS for start in whole] == [
        1723161300000 + at * 60_000 for at in range(5)
    ]
    # The capture holds a part of the minutes at its ends, so there the comparison must object.
    assert all("count" in fields for fields in verdicts.values() if fields)


def test_five_minutes_of_spot_are_exactly_the_published_kline(played, oracles):
    klines = published(oracles / "klines_spot_BTCUSDT_5m.csv", Venue.BINANCE_SPOT)
    ours = minutes(played("spot-0808"))
    for start in (1723161300000 * NS_PER_MS, 1723161600000 * NS_PER_MS):
        parts = [ours[at] for at in range(start, start + 5 * MINUTE, MINUTE)]
        whole = combined(parts, Timeframe.M5, start)
        assert differing(told(whole, BINANCE), klines[start].fields, None, BINANCE) == ()


@pytest.mark.parametrize(
    ("recording", "file", "length"),
    [(USDM_0808, "klines_usdm_BTCUSDT_1m.csv", 1), (SPOT_0808, "klines_spot_BTCUSDT_5m.csv", 5)],
)
def test_the_simulators_own_minutes_are_the_published_klines_too(
    data, oracles, recording, file, length
):
    held = list(frames(data, recording))
    venue = BinanceVenue(recording.venue, survey(held), SystemClock().monotonic)
    for frame in held:
        list(venue.deliveries(frame.payload))
    bars = {bar.start: bar for bar in venue.tapes.minutes("BTCUSDT").between(None, None, 99)}
    klines = published(oracles / file, recording.venue)
    compared = 0
    for start in (1723161300000, 1723161600000)[: 1 if length == 1 else 2]:
        parts = [bars[start + at * 60_000] for at in range(length)]
        fields = klines[start * NS_PER_MS].fields
        assert Decimal(fields["open"]) == parts[0].open
        assert Decimal(fields["close"]) == parts[-1].close
        assert Decimal(fields["high"]) == max(part.high for part in parts)
        for name in ("volume", "quote_volume", "count", "taker_buy_quote_volume"):
            assert Decimal(fields[name]) == sum(getattr(part, name) for part in parts)
        compared += 1
    assert compared


class Forming:
    """Bybit's kline frames of the linear capture, and the trades that were matched before them."""

    def __init__(self, data) -> None:
        playing = player(data, BYBIT.venue)
        self.klines: dict[str, list[dict]] = defaultdict(list)
        self.tape: dict[str, list[TradeEvent]] = defaultdict(list)
        self.venue = BybitVenue(BYBIT.venue, survey(frames(data, BYBIT)))
        for frame in frames(data, BYBIT):
            list(self.venue.deliveries(frame.payload))
            for event in playing.intake.collector.decode(frame.payload, frame.received_at):
                if isinstance(event, TradeEvent):
                    self.tape[event.instrument.symbol].append(event)
            message = msgspec.json.decode(frame.payload)
            topic = message.get("topic", "")
            if topic.startswith("kline.1."):
                self.klines[topic.rpartition(".")[2]] += message["data"]


@pytest.fixture(scope="module")
def forming(data) -> Forming:
    return Forming(data)


def test_bybits_bar_opens_at_the_close_that_its_minute_before_was_confirmed_with(forming):
    """Decided by Bybit's own frames alone: the confirmed close is the next one's open."""
    opened = {}
    for symbol, klines in forming.klines.items():
        (confirmed,) = [kline for kline in klines if kline["confirm"]]
        after = [kline for kline in klines if kline["start"] > confirmed["start"]]
        assert {kline["open"] for kline in after} == {confirmed["close"]}
        opened[symbol] = confirmed["close"]
    assert len(opened) == 4
    # It is not the first trade's price: that differs in at least one of the markets.
    first = {
        symbol: next(
            trade for trade in forming.tape[symbol] if trade.exchange_time >= _minute(klines)
        )
        for symbol, klines in forming.klines.items()
    }
    prices = {symbol: trade.instrument.scale.price(trade.price) for symbol, trade in first.items()}
    assert any(prices[symbol] != Decimal(opened[symbol]) for symbol in opened)


def test_a_minute_of_bybit_without_trades_yet_is_flat_at_the_close_before(forming):
    quiet = [
        kline
        for klines in forming.klines.values()
        for kline in klines
        if Decimal(kline["volume"]) == 0
    ]
    assert quiet
    for kline in quiet:
        assert kline["open"] == kline["high"] == kline["low"] == kline["close"]
        assert Decimal(kline["turnover"]) == 0


def test_every_forming_kline_is_exact_in_the_fields_that_reconciliation_compares(forming):
    """The comparison itself, on each frame, with our bar of the first trades of its minute."""
    compared = Counter()
    for symbol, klines in forming.klines.items():
        start = _minute(klines)
        closed = next(kline["close"] for kline in klines if kline["confirm"])
        trades = [t for t in forming.tape[symbol] if t.exchange_time >= start]
        for kline in klines:
            if kline["start"] * NS_PER_MS == start:
                ours = told(_bar(trades, kline, start), LINEAR)
                fields = _fields(kline)
                assert differing(ours, fields, canonical(Decimal(closed)), LINEAR) == ()
                compared[bool(ours)] += 1
    assert compared == {True: 61, False: 4}


def test_the_capture_holds_neither_blocks_nor_rpi_and_so_decides_nothing_of_them(forming):
    """Whoever finds one in a later capture has to settle what decision 0016 leaves open."""
    flags = [trade.flags for trades in forming.tape.values() for trade in trades]
    assert len(flags) > 300
    assert not any(flag & (TradeFlag.BLOCK | TradeFlag.RPI) for flag in flags)


def test_the_simulators_bar_of_bybit_opens_as_bybits_does(forming):
    for symbol, klines in forming.klines.items():
        start = _minute(klines) // NS_PER_MS
        bars = forming.venue.minutes(symbol).between(None, None, 9)
        before = [bar.close for bar in bars if bar.start < start]
        (bar,) = [bar for bar in bars if bar.start == start]
        if before:
            assert bar.open == before[-1] == Decimal(klines[-1]["open"])


def _minute(klines: list[dict]) -> int:
    return max(kline["start"] for kline in klines) * NS_PER_MS


def _fields(kline: dict) -> dict[str, str]:
    names = ("open", "high", "low", "close", "volume", "turnover")
    texts = (canonical(Decimal(kline[name])) for name in names)
    return dict(zip(LINEAR.fields, texts, strict=True))


def _bar(trades: list[TradeEvent], kline: dict, start: int) -> Aggregate | None:
    """Return our bar of as many trades as make up the frame's volume."""
    bar = None
    for trade in trades:
        size = bar.scale.size(bar.bar.volume) if bar else Decimal(0)
        if size >= Decimal(kline["volume"]):
            break
        bar = bar or Aggregate(trade.instrument, Timeframe.M1, start)
        bar.add(trade)
    return bar
