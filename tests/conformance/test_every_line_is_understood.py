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


@pytest.mark.parametrize("name", sorted(RECORDINGS))
def test_no_line_of_a_capture_is_rejected(played, name):
    assert dict(played(name).rejections.total) == {}


@pytest.mark.parametrize("name", sorted(RECORDINGS))
def test_the_silent_streams_are_the_listed_ones(played, name):
    controls = played(name).intake.controls
    silent = (item.detail for item in controls if item.kind is ControlKind.SILENT)
    assert Counter(detail.partition(".")[0] for detail in silent) == SILENT[name]
    others = {item.kind for item in controls} - {ControlKind.SILENT}
    assert others == ({ControlKind.ACK} if name == "bybit" else set())


@pytest.mark.parametrize("name", sorted(RECORDINGS))
def test_every_line_decodes_to_something(data, name):
    recording = RECORDINGS[name]
    collector = player(data, recording.venue).intake.collector
    kinds: Counter[str] = Counter()
    for frame in frames(data, recording):
        if frame.payload.startswith(b'{"lastUpdateId"'):
            decoded = [collector.decode_snapshot("BTCUSDT", frame.payload, frame.received_at)]
        else:
            decoded = collector.decode(frame.payload, frame.received_at)
        assert decoded
        kinds.update(type(item).__name__ for item in decoded)
    assert kinds["Rejection"] == 0
    assert kinds["TradeEvent"] > 0
    assert kinds["BookDelta"] > 0
    assert kinds[Control.__name__] == kinds.total() - sum(
        kinds[each] for each in ("TradeEvent", "BookDelta", "BookSnapshot", "BestQuote")
    )
