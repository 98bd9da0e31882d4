"""Bybit's `seq` makes a sequence of ours that may pass 64 bits; its trades are kept anyway."""

import pytest
from frames import AT, collector, item, trades

from cloud_marketdata.collectors.lanes.validator import why_not_trade
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.storage.packing.trades import pack_trades, unpack_trades


@pytest.mark.parametrize("venue", [Venue.BYBIT_SPOT, Venue.BYBIT_LINEAR])
@pytest.mark.parametrize("seq", [1, 1 << 47, 1_795_405_640_000_000, (1 << 63) - 1])
def test_a_bybit_trade_of_any_seq_is_kept_and_stored(venue, seq):
    [event] = collector(venue).decode(trades(item(seq=seq)), AT)
    assert event.sequence >> 16 == seq
    assert why_not_trade(event) is None
    assert unpack_trades(pack_trades([event])) == [event]
