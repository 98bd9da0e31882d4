"""Every line of every capture: an event, a known control frame, or a stream we leave alone."""

from collections import Counter

import pytest
from recordings import RECORDINGS, frames, player

from cloud_marketdata.collectors.base import Control, ControlKind

# What each capture holds besides trades and books, by the venue's own names. Nothing else may come.
SILENT = {
    "usdm-0808": {},
    "usdm-0718": {},
    "usdm-0404": {"markPriceUpdate": 514},
    "spot-0808": {},
    "spot-0405": {},
    "bybit": {"tickers": 758, "kline": 71},
}
_BINANCE = {"TradeEvent", "BookDelta", "BookSnapshot", "BestQuote"}
KINDS = {
    "usdm-0808": _BINANCE,
    "usdm-0718": _BINANCE,
    "usdm-0404": _BINANCE,
    "spot-0808": _BINANCE,
    "spot-0405": _BINANCE - {"BookSnapshot"},
    "bybit": {"TradeEvent", "BookDelta", "BookSnapshot", ControlKind.ACK},
}


@pytest.mark.parametrize("name", sorted(RECORDINGS))
def test_no_line_of_a_capture_is_rejected(played, name):
    assert dict(played(name).rejections.total) == {}


@pytest.mark.parametrize("name", sorted(RECORDINGS))
def test_every_line_is_an_event_or_a_listed_silent_stream(data, name):
    recording = RECORDINGS[name]
    collector = player(data, recording.venue).intake.collector
    kinds: Counter[str] = Counter()
    silent: Counter[str] = Counter()
    for frame in frames(data, recording):
        if frame.payload.startswith(b'{"lastUpdateId"'):
            decoded = [collector.decode_snapshot("BTCUSDT", frame.payload, frame.received_at)]
        else:
            decoded = collector.decode(frame.payload, frame.received_at)
        assert decoded, frame.payload
        kinds.update(_kind(item) for item in decoded)
        silent.update(
            item.detail.partition(".")[0] for item in decoded if _kind(item) == ControlKind.SILENT
        )
    assert silent == SILENT[name]
    assert set(kinds) - {ControlKind.SILENT} == KINDS[name]


def _kind(item) -> str:
    return item.kind if isinstance(item, Control) else type(item).__name__
