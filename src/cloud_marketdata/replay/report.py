"""What a replay found, as one JSON document; its keys are a contract that others script against."""

from collections import Counter
from typing import Any, Final

from cloud_marketdata.collectors.lanes.lane import Lane
from cloud_marketdata.domain.aggregate import Aggregate, combined, state_hash
from cloud_marketdata.domain.events import StatusEvent
from cloud_marketdata.domain.profile import VolumeProfile, merge
from cloud_marketdata.domain.values import NS_PER_MS, Timeframe, plain
from cloud_marketdata.processing.metrics.value_area import DEFAULT_METHOD, value_area
from cloud_marketdata.replay.player import Player

_TIMEFRAMES: Final = (Timeframe.M1, Timeframe.M5)


def report(player: Player) -> dict[str, Any]:
    """Return the document of DESIGN 14; every decimal is a string."""
    venue = player.intake.collector.venue
    unplaced = Counter({reason: count for (_, reason), count in player.rejections.total.items()})
    lanes = player.intake.lanes
    symbols = {symbol: _symbol(player, symbol, lanes[symbol]) for symbol in sorted(lanes)}
    return {
        "venue": str(venue),
        "frames": player.intake.frames,
        "dropped": player.dropped,
        "rejected": dict(sorted(unplaced.items())),
        "symbols": symbols,
    }


def _symbol(player: Player, symbol: str, lane: Lane) -> dict[str, Any]:
    windows = player.windows.get(symbol)
    minutes = [item for item in windows.held() if item.timeframe is Timeframe.M1] if windows else []
    off_book = _off_book(minutes)
    rejected = Counter(off_book)
    rejected.update(lane.rejected)
    in_bars = sum(item.span.trades for item in minutes if item.span) - sum(off_book.values())
    return {
        "trades": in_bars,
        "rejected": dict(sorted(rejected.items())),
        "duplicates": lane.duplicates,
        "trade_gaps": [_gap(event) for event in player.gaps.get(symbol, [])],
        "book": _book(lane),
        "candles": {str(timeframe): _candles(minutes, timeframe) for timeframe in _TIMEFRAMES},
        "profile": _profile(minutes),
        "state_hash": state_hash(minutes),
    }


def _off_book(minutes: list[Aggregate]) -> Counter[str]:
    """Trades kept in the log and out of the bars, by kind."""
    counts: Counter[str] = Counter()
    for item in minutes:
        counts.update(item.span.off_book if item.span else {})
    return counts


def _gap(event: StatusEvent) -> dict[str, int | str]:
    return {key: event.detail[key] for key in ("after_id", "before_id", "missing")} | {
        key: event.detail[key] for key in ("from_ms", "to_ms")
    }


def _book(lane: Lane) -> dict[str, Any]:
    sync, tickers = lane.sync, lane.tickers
    return {
        "updates": sync.updates,
        "gaps": sync.gaps,
        "crossed": sync.crossed,
        "resyncs": sync.resyncs,
        "ticker_equal": tickers.equal,
        "ticker_different": tickers.different,
        "state": str(sync.state),
    }


def _candles(minutes: list[Aggregate], timeframe: Timeframe) -> list[dict[str, Any]]:
    starts = sorted({timeframe.floor(item.start) for item in minutes})
    groups = (
        [item for item in minutes if timeframe.floor(item.start) == start] for start in starts
    )
    whole = (combined(group, timeframe, start) for start, group in zip(starts, groups, strict=True))
    return [_candle(item) for item in whole if item and item.bar]


def _candle(item: Aggregate) -> dict[str, Any]:
    bar, scale = item.bar, item.scale
    assert bar is not None, "candles are made of aggregates with a bar"
    return {
        "open_time": item.start // NS_PER_MS,
        "open": plain(scale.price(bar.open)),
        "high": plain(scale.price(bar.high)),
        "low": plain(scale.price(bar.low)),
        "close": plain(scale.price(bar.close)),
        "volume": plain(scale.size(bar.volume)),
        "quote_volume": plain(scale.quote(bar.quote_volume)),
        "count": bar.count,
        "taker_buy_volume": plain(scale.size(bar.taker_buy_volume)),
        "taker_buy_quote_volume": plain(scale.quote(bar.taker_buy_quote_volume)),
    }


def _profile(minutes: list[Aggregate]) -> dict[str, Any]:
    profile = merge(item.profile for item in minutes) if minutes else None
    rows = profile.rows() if profile else []
    area = value_area({row.row: row.total for row in rows})
    return {
        "rows": [_row(profile, row.row, row.buy, row.sell) for row in rows if profile],
        "poc": _price(profile, area.poc),
        "vah": _price(profile, area.vah),
        "val": _price(profile, area.val),
        "va_method": DEFAULT_METHOD,
    }


def _row(profile: VolumeProfile, row: int, buy: int, sell: int) -> list[str]:
    scale = profile.scale
    return [plain(scale.price(row)), plain(scale.size(buy)), plain(scale.size(sell))]


def _price(profile: VolumeProfile | None, row: int | None) -> str | None:
    return None if profile is None or row is None else plain(profile.scale.price(row))
