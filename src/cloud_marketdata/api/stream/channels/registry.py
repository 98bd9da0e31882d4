"""Every kind of channel, a line for each."""

from collections.abc import Mapping
from typing import Final

from cloud_marketdata.api.stream.channels import (
    anomalies,
    candles,
    depth,
    order_flow,
    status,
    trades,
    volume_profile,
)
from cloud_marketdata.api.stream.feed import Kind
from cloud_marketdata.api.stream.ports import ChannelName

KINDS: Final[Mapping[ChannelName, Kind]] = {
    ChannelName.TRADES: trades.KIND,
    ChannelName.DEPTH: depth.KIND,
    ChannelName.VOLUME_PROFILE: volume_profile.KIND,
    ChannelName.ORDER_FLOW: order_flow.KIND,
    ChannelName.CANDLES: candles.KIND,
    ChannelName.ANOMALIES: anomalies.KIND,
    ChannelName.STATUS: status.KIND,
}
